"""The only place that builds a SparkSession; it is passed on, never looked up."""
