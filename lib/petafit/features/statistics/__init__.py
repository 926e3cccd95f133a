"""Statistics of the whole training table for features, computed by aggregators."""
