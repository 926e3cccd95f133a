"""Measure the newest model on a task's test rows.

spark-submit jobs/evaluate.py --env local --task flights
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
