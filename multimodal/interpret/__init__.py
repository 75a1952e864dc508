"""What a model looked at, as pictures. Only `multimodal.interpret.rendering` imports matplotlib."""
