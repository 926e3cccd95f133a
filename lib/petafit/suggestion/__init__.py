"""Suggestions for a task, from rows of its table."""
