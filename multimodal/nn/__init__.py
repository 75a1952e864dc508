"""Building blocks of networks: encoders, recurrent layers, attention, decoders, masks. Torch only."""
