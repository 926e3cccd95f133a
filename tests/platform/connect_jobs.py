"""All jobs on a Spark Connect server, as a user's program runs them; prints what came of each.

A process of its own, since the mode is a process's. Takes the server's URL and a folder with the
small table and the task's settings.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import petafit
from petafit.config.settings import Settings
from petafit.errors import PetafitError
from petafit.store.runs import Run
from tests.small import with_settings

RIDGE: dict[str, Any] = {
    "label": "speed",
    "features": [{"categorical": "city"}],
    "learner": "petafit.Ridge",
    "training": {"rounds": 1},
    "contract": {"max_bad_share": 0.1},  # speeds that are null
}
STAGES: list[Any] = [
    {"Imputer": {"inputCols": ["speed"], "outputCols": ["filled"]}},
    {"SQLTransformer": {"statement": "SELECT *, filled / 100 - 1 AS relative FROM __THIS__"}},
    {"VectorAssembler": {"inputCols": ["relative"], "outputCol": "v"}},
    {"PolynomialExpansion": {"inputCol": "v", "outputCol": "powers", "degree": 2}},
]
TREE: dict[str, Any] = {"learner": {"name": "mllib.DecisionTreeClassifier"}}
LINEAR: dict[str, Any] = {"learner": {"name": "mllib.LogisticRegression"}}

ALS: dict[str, Any] = {
    "label": "speed",
    "learner": {
        "name": "mllib.ALS",
        "params": {"userCol": "city", "itemCol": "month", "rank": 2, "maxIter": 2},
    },
    "features": "auto",
    "split": {"train": [], "test": [], "test_share": 0.2},
    "contract": {"max_bad_share": 0.1},
}


def jobs(settings: Settings, session: Callable[[], Any]) -> dict[str, Callable[[], Run]]:
    """The jobs by name; `session` gives one of the caller's own."""

    def named(name: str, **changes: Any) -> Settings:
        return with_settings(settings, model=name, **changes)

    def of_frame(job: Callable[..., Run], name: str) -> Run:
        frame = session().read.parquet(settings.table.uri)
        output = f"{settings.table.uri}-of-frame"
        wanted = with_settings(named(name), table={"uri": None}, score={"output": output})
        return job(wanted, frame=frame)

    stages = named("stages", features=[{"stages": STAGES}, {"categorical": "city"}])
    return {
        "direct": lambda: petafit.train(named("direct")),
        "evaluate": lambda: petafit.evaluate(named("direct")),
        "score": lambda: petafit.score(named("direct")),
        "given": lambda: petafit.train(named("given", spark={"remote": None}), spark=session()),
        "scan": lambda: petafit.train(named("scan", stream="scan", **RIDGE)),
        "frame": lambda: of_frame(petafit.train, "frame"),
        "evaluate frame": lambda: of_frame(petafit.evaluate, "frame"),
        "score frame": lambda: of_frame(petafit.score, "frame"),
        "linear": lambda: petafit.train(named("linear", **LINEAR)),
        "evaluate linear": lambda: petafit.evaluate(named("linear", **LINEAR)),
        "tree": lambda: petafit.train(named("tree", **TREE)),
        "evaluate tree": lambda: petafit.evaluate(named("tree", **TREE)),
        "recommender": lambda: petafit.train(named("recommender", **ALS)),
        "evaluate recommender": lambda: petafit.evaluate(named("recommender", **ALS)),
        "stages": lambda: petafit.train(stages),
        "evaluate stages": lambda: petafit.evaluate(stages),
        "score stages": lambda: petafit.score(
            with_settings(stages, score={"output": f"{settings.table.uri}-by-stages"})
        ),
        "prepare": lambda: petafit.prepare(prepared(settings)),
        "wrong query": lambda: petafit.prepare(prepared(settings, "SELECT nothing FROM raw")),
    }


def prepared(settings: Settings, query: str = "SELECT *, speed * 2 AS twice FROM raw") -> Settings:
    source = {"sql": query, "views": {"raw": {"uri": settings.table.uri}}}
    made = {"uri": f"{settings.table.uri}-made"}
    return with_settings(settings, table=made, prepare={"source": source, "partition_by": "month"})


def main(url: str, folder: str) -> None:
    from pyspark.sql import SparkSession

    def session() -> Any:
        return SparkSession.builder.remote(url).getOrCreate()

    given = json.loads((Path(folder) / "settings.json").read_text())
    settings = Settings(**{**given, "engine": "spark", "spark": {"remote": url}})
    for name, job in jobs(settings, session).items():
        try:
            print(json.dumps({"job_name": name, **job().manifest}))
        except PetafitError as error:
            print(json.dumps({"job_name": name, "error": str(error)}))
        if name == "direct":
            assert (
                "SPARK_CONNECT_MODE_ENABLED" not in os.environ
            )  # else no other session is possible
    model = petafit.load_model(f"{settings.paths.models}/stages")
    predicted = model.transform(session().read.parquet(settings.table.uri))
    found = predicted.select("id", "probability").orderBy("id").toArrow()
    pq.write_table(found, f"{folder}/transformed.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
