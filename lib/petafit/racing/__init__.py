"""Candidates that race in one pass, and what of a task is worth tuning."""
