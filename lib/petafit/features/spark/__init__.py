"""The same features as Spark ML stages."""
