"""Image captioning: model, training, data, inference, result and report."""
