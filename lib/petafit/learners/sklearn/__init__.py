"""scikit-learn's estimators that learn incrementally."""
