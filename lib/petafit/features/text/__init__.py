"""N-gram counts of texts, directly from Arrow's buffers."""
