"""Metrics that merge, and the evaluation of a model on a whole table."""
