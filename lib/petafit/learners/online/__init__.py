"""petafit's own learners for streams."""
