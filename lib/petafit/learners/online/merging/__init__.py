"""Models that shards have learnt side by side, merged to one."""
