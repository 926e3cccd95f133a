"""Spark MLlib's classifiers and regressors."""
