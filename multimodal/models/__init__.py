"""Whole networks: plain modules that take tensors and return logits."""
