"""Cache of encoded batches on the local disk for later passes."""
