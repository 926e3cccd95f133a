"""Encoded batches on the local disk, found again by later passes."""
