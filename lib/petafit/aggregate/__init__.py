"""The aggregator's contract, the tree of merges, and the two engines that run any aggregator."""
