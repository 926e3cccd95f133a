"""Tables to try petafit on: real flights, and clicks with a known best log-loss."""
