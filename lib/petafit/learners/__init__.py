"""Incremental learners, MLlib's estimators, and the registry of all."""
