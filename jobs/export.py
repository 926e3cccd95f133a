"""Write a linear model as a pipeline of Spark ML or as ONNX.

spark-submit jobs/export.py --env local --task flights --to spark --out exports/flights
"""

import sys

from petafit.cli import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
