"""N-gram counts of texts, straight from Arrow's buffers."""
