"""Arrow batches of a table's shards, read directly or by Spark."""
