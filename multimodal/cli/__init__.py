"""The `multimodal` command."""
