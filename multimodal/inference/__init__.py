"""What the predictors of all tasks share: inputs, devices, rebuilding a saved model, results."""
