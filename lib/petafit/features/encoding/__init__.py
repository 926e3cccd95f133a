"""Conversion of Arrow batches to matrices, by compiled kernels."""
