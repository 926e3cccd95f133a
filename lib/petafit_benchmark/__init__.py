"""petafit and its peers on the same table: speed, quality and memory, measured in one run."""
