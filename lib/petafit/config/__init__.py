"""Typed settings: layers of YAML, variables and options, every key known."""
