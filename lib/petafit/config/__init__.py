"""Typed settings: layers of YAML, environment variables and options; unknown keys are refused."""
