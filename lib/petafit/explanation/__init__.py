"""Explanation: what a partition of the training rows does to a model."""
