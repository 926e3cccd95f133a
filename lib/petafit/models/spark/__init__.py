"""Predictions of a model in Spark: for DataFrames, streams and SQL."""
