"""Training: rounds of start, fit the shards, merge, check on the hold-out."""
