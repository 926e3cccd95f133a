"""Refinement by L-BFGS steps on the loss over all rows."""
