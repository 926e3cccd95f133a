"""The law of aggregation, the tree of merges, and the two engines that run any aggregator."""
