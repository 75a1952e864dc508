"""Language models: model, training, data, inference and result."""
