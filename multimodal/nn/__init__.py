"""Building blocks: encoders, recurrent layers, attention, decoders, masks. Torch only."""
