"""Tables written by workers and committed atomically."""
