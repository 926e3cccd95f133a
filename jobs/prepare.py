"""Make a task's table from its raw data.

spark-submit jobs/prepare.py --env local --task flights
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["prepare", *sys.argv[1:]])
