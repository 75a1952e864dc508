"""The built-in data: scenes of shapes, and reviews, drawn at random from a seed."""
