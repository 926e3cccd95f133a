"""Modules outside the contract `spark` run without Spark, which import-linter cannot test."""

import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import petafit

ROOT = Path(__file__).parents[1]
OF_THE_EXTRA_BENCH = (r"petafit\.adapters\.(dask|tensorflow)",)

IMPORT_ALL_WITHOUT_SPARK = """
import importlib, pkgutil, re, sys
sys.modules["pyspark"] = sys.modules["py4j"] = sys.modules["delta"] = None
import petafit

knows_spark = re.compile(sys.argv[1])
for module in pkgutil.walk_packages(petafit.__path__, "petafit."):
    if not knows_spark.fullmatch(module.name):
        importlib.import_module(module.name)
"""


def test_only_the_modules_named_in_the_contract_need_spark():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (spark,) = (contract for contract in contracts["contracts"] if contract["id"] == "spark")
    allowed = [rule.split(" -> ")[0] for rule in spark["ignore_imports"]]
    named = (name.replace(".", r"\.").replace("*", ".+") for name in allowed)
    pattern = "|".join([*named, *OF_THE_EXTRA_BENCH])
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_WITHOUT_SPARK, pattern], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr


def test_calls_that_old_spark_lacks_stand_where_they_are_replaced():
    of_new_spark = re.compile(
        r"\.arrow_udf\b|import .*\barrow_udf\b|\.toArrow\(|\bmetadataColumn\("
    )
    found = {
        path.name
        for path in (ROOT / "lib/petafit").rglob("*.py")
        if of_new_spark.search(path.read_text())
    }
    assert found == {"compatibility.py", "arrow_columns.py"}


def test_no_public_function_has_the_name_of_a_room() -> None:
    # Importing petafit.search.race would put a module where the function is asked for.
    rooms = {module.name for module in pkgutil.iter_modules(petafit.__path__)}
    assert rooms.isdisjoint(petafit.__all__)
