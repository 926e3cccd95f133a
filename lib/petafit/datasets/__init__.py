"""Tables to try petafit on: real flights, and generated clicks and texts whose best is known."""
