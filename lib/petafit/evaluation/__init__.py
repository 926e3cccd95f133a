"""Mergeable metrics, and the evaluation of a model on a whole table."""
