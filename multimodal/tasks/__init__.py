"""LightningModules: loss, metrics, logging and optimiser of each task."""
