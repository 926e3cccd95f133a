"""Linear models as pipelines of Spark ML's own stages."""
