"""Find the best learner, rates and features of a task in one pass.

spark-submit jobs/search.py --env cluster --task clicks --budget 30m
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["search", *sys.argv[1:]])
