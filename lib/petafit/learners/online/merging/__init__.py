"""Merging of models that shards have trained in parallel."""
