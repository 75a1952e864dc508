"""The rows of the benchmark: one file for each, with a baseline and our implementation of it."""
