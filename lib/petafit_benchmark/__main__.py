"""``python -m petafit_benchmark``."""

from petafit_benchmark.cli import main

main()
