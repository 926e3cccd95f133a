"""Which rows of a table count."""
