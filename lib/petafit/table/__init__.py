"""Pinned snapshots of Parquet and Delta tables: shards, contract and writes."""
