"""Example tables: real flights, and generated clicks and texts with a known best model."""
