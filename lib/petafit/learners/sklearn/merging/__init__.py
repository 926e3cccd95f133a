"""How scikit-learn's estimators, fitted on different shards, become one: a file for each family."""
