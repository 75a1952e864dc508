"""Visual question answering: model, fusions, training, data, inference, result and report."""
