"""Parquet tables and the metadata of their files."""
