"""The user's own functions: one definition for queries, both streams and predictions."""
