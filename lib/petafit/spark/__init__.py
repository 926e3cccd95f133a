"""SparkSessions, built only here; they are passed on, never looked up."""
