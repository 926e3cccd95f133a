"""Fit a task's learner and publish the model.

spark-submit jobs/train.py --env local --task flights
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
