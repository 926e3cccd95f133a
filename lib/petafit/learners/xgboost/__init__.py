"""XGBoost's boosted trees, fed from the stream of batches."""
