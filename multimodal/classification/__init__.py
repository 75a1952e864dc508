"""Image classification: model, training, data, inference, result and report."""
