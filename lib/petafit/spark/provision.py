"""Installation of what pip cannot install: Java, Delta's jars, and quiet logging for Spark.

``python -m petafit.spark.provision`` runs once for an environment. Jobs then resolve nothing over
the network when they start, under ``python`` and ``spark-submit`` alike.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from petafit.errors import ConfigurationError, PetafitError
from petafit.spark.jars import ensure_delta, ensure_quiet
from petafit.spark.java import ensure_java


def main() -> int:
    """Install everything, report what was done, and return the exit code."""
    try:
        spark = spark_folder()
        ensure_java()
        ensure_quiet(spark)
        ensure_delta(spark)
    except PetafitError as error:
        print(f"petafit.spark.provision: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def spark_folder() -> Path:
    """Return the folder of this environment's pyspark package, which is a Spark installation.

    Raises
    ------
    ConfigurationError
        pyspark is not installed.
    """
    package = find_spec("pyspark")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError(
            "Spark is not installed", hint="Run `pip install 'petafit[spark]'` first."
        )
    return Path(package.submodule_search_locations[0])


if __name__ == "__main__":
    sys.exit(main())
