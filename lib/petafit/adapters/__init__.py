"""The encoded rows of a task as other libraries take them; each needs its library only."""
