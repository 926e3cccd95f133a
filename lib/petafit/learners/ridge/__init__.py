"""Linear least squares over any number of shards, exact."""
