"""Write the newest model's predictions as a table.

spark-submit jobs/score.py --env local --task flights
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["score", *sys.argv[1:]])
