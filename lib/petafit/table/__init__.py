"""A pinned snapshot of a Parquet or Delta table: its shards, its contract, its writes."""
