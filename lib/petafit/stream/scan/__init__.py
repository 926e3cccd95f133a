"""The general stream: Spark's own scan."""
