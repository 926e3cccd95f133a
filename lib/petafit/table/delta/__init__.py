"""Delta tables, read and committed without a JVM."""
