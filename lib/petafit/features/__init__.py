"""Features, declared once: compiled to Arrow kernels and to Spark ML stages."""
