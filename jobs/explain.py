"""Say which partitions of the training rows help a task's newest model, and which hurt it.

spark-submit jobs/explain.py --env local --task clicks --influence partitions
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["explain", *sys.argv[1:]])
