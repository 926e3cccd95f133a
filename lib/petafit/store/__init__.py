"""Persistence: named arrays, files on any filesystem, models and runs."""
