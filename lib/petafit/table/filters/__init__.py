"""Row filters of tables."""
