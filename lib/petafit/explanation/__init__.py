"""Explanation: the influence of partitions of the training rows on a model."""
