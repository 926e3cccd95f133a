"""Encoded rows of a task for other libraries; each adapter needs its own library only."""
