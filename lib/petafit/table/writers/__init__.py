"""Tables written by workers, committed at once."""
