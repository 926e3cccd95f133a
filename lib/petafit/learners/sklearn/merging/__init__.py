"""Merging of scikit-learn estimators fitted on different shards: a file for each family."""
