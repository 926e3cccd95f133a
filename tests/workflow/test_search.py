"""A search as a job: its result, its task file, its resumption, and what it refuses."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from petafit.config.layers import load_settings
from petafit.config.settings import Settings
from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError
from petafit.workflow.search import search
from petafit.workflow.train import train
from tests.small import with_settings

KILLED = """
import os, signal, sys
from pathlib import Path
from petafit.config.settings import Settings
from petafit.racing.rounds import SearchRounds
from petafit.workflow.search import search
keep = SearchRounds._keep
def kept(self, number, *rest):
    keep(self, number, *rest)
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
SearchRounds._keep = kept
search(Settings.model_validate_json(Path(sys.argv[1]).read_text()), run_id="one")
"""


def found(settings: Settings, **options: Any) -> dict[str, Any]:
    return search(settings, **options).manifest["search"]


def by_name(settings: Settings, **options: Any) -> dict[str, Any]:
    return {each["name"]: each for each in found(settings, **options)["candidates"]}


def test_a_search_finds_what_is_better_and_what_is_worth_having(settings: Settings) -> None:
    slow = with_settings(
        settings,
        learner={"params": {"learning_rate": 0.001}},
        search={"rates": [1, 10, 100], "hash_bits": [2], "l2": [0], "learners": []},
    )
    result = found(slow)
    each = {candidate["name"]: candidate for candidate in result["candidates"]}
    assert result["best"].endswith("rate x 100")
    assert each["as it is"]["dropped_at"]
    assert each["as it is"]["interval"][0] > 0
    weekend = each["without boolean weekend"]["loss"] - each["as it is"]["loss"]
    speed = each["without numeric speed"]["loss"] - each["as it is"]["loss"]
    assert speed > abs(weekend)


def test_the_losses_of_a_candidate_are_those_of_its_training(settings: Settings) -> None:
    """On one shard nothing is merged, and rounds continue one training; 13 bits are as good."""
    alone = with_settings(
        settings,
        learner={"params": {"learning_rate": 0.1}},
        training={"shards": 1, "rounds": 1},
        search={"learners": [], "leave_out": False, "rates": [1], "l2": [0], "hash_bits": [13]},
    )
    curve = by_name(alone)["as it is"]["curve"]
    sizes = [rows - before for (rows, _), (before, _) in zip(curve, [(0, 0), *curve], strict=False)]
    total = sum(size * loss for size, (_, loss) in zip(sizes, curve, strict=True))
    trained = train(alone).manifest
    assert sum(sizes) == trained["rows"]["used"] == 4500
    assert total / 4500 == pytest.approx(trained["metrics"]["log_loss"], rel=1e-9)


def test_the_task_file_extends_the_task_and_trains(settings: Settings, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    (conf / "tasks").mkdir(parents=True)
    content = settings.model_dump(mode="json", exclude_unset=True, exclude={"task", "paths"})
    text = "".join(f"{key}: {dump(value)}\n" for key, value in content.items())
    (conf / "tasks" / "small.yaml").write_text(text)
    paths = {name: f"{tmp_path}/{name}" for name in ("runs", "models")}
    (conf / "base.yaml").write_text(f"paths: {dump(paths)}\n")
    (conf / "local.yaml").write_text("engine: local\n")
    own = load_settings(task="small", conf=conf).settings
    written = str(conf / "tasks" / "better.yaml")
    result = search(with_settings(own, search={"task_file": written}))
    best = result.manifest["search"]
    assert best["task_file"] == written
    assert (
        Path(written).read_text()
        == Path(f"{result.folder.uri}/task.yaml".removeprefix("file://")).read_text()
    )
    better = load_settings(task="better", conf=conf).settings
    chosen = next(each for each in best["candidates"] if each["name"] == best["best"])
    assert better.learner.model_dump() == chosen["changes"]["learner"]
    assert train(better).manifest["model"]["name"] == "better"


def test_a_killed_search_goes_on_to_the_same_result(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "settings.json")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    resumed = found(settings, run_id="one")
    whole = found(settings, run_id="two")
    assert resumed["candidates"] == whole["candidates"]
    assert resumed["best"] == whole["best"]


def test_both_engines_find_the_same(settings: Settings, spark: object) -> None:
    local = found(settings)
    on_spark = found(with_settings(settings, engine="spark"), spark=spark)
    assert on_spark["candidates"] == local["candidates"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": "100 rows"}, "too small"),
        ({"learners": ["petafit.OnlineLinearClasifier"]}, "No learner"),
        ({"learners": ["sklearn.GaussianNB"]}, "cannot race"),
        ({"learners": ["sklearn.SGDClassifier"]}, "do not compare"),
    ],
)
def test_what_cannot_work_is_refused(
    settings: Settings, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        search(with_settings(settings, search=changes))


def test_candidates_that_all_fail_are_told(settings: Settings) -> None:
    wild = with_settings(
        settings,
        learner={"params": {"learning_rate": 3e38}},
        search={"rates": [1, 1.1], "learners": [], "leave_out": False, "l2": [0]},
    )
    with pytest.raises(ConfigurationError, match="candidates failed") as raised:
        search(wild)
    assert "as it is: " in str(raised.value)


def test_a_budget_of_rows_is_kept(settings: Settings) -> None:
    candidates = by_name(with_settings(settings, search={"budget": "2k rows"}))
    most = max(each["rows"] for each in candidates.values())
    assert 1500 <= most <= 2500


def test_an_ablation_says_what_each_part_of_the_task_is_worth(settings: Settings) -> None:
    """Every candidate sees all rows, and is compared with the task itself."""
    asked = with_settings(
        settings,
        features=[{"numeric": "speed"}, {"categorical": "city"}, {"boolean": "weekend"}],
        search={"ablate": True},
    )
    result = found(asked)
    each = {candidate["name"]: candidate for candidate in result["candidates"]}
    assert set(each) == {
        "as it is",
        "rate x 0.5",
        "rate x 2",
        "l1 1e-05",
        "l2 0.0001",
        "hash_bits 11",
        "hash_bits 13",
        "without numeric speed",
        "without categorical city",
        "without boolean weekend",
    }
    assert {candidate["rows"] for candidate in each.values()} == {4500}
    assert result["reference"] == "as it is"
    assert each["as it is"]["difference"] == 0
    for name in ("speed", "city"):
        own = each[f"without {'numeric' if name == 'speed' else 'categorical'} {name}"]
        assert own["interval"][0] > 0
        assert own["difference"] == pytest.approx(own["loss"] - each["as it is"]["loss"])
    low, high = each["without boolean weekend"]["interval"]
    assert low < 0 < high
