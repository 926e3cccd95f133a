"""What features need to know of the whole training table, by aggregators."""
