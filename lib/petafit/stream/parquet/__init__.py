"""The direct stream's reader of Parquet files."""
