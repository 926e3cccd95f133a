"""Arrow batches to matrices, by compiled kernels."""
