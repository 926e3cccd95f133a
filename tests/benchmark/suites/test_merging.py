"""The suite `merging`, on a table too small for meaningful figures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from petafit.config.settings import Settings, Training
from petafit.errors import ConfigurationError
from petafit_benchmark.contender import Spec
from petafit_benchmark.merging.cases import CASES, EXACT, TEXT_CASES, TIMED_CASES
from petafit_benchmark.merging.report import FILE
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result
from petafit_benchmark.suite import Bench
from petafit_benchmark.suites.merging import MERGING, run_merging
from tests.benchmark.examples import result, target_of


class Silent:
    def begins(self, title: str) -> None:
        pass

    def ends(self, result: Any) -> None:
        pass


SETTINGS = Settings(task="merging", engine="local", table="none", label="click")


def bench_in(folder: Path, *chosen: str, rows: int = 4000) -> Bench:
    return Bench(SETTINGS, folder, folder, rows, Silent(), chosen)


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The log-loss of each contender, by default 0.5; nothing is trained."""
    known: dict[str, float] = {}

    def train(bench: Bench, contender: str, spec: Spec, blank: Result, *, seconds: float) -> Result:
        figures = {"largest_relative_difference": 0.0, "relative_difference_of_one": 0.0}
        loss = known.get(blank.contender, 0.5)
        return replace(blank, log_loss=loss, seconds=1.0, figures=figures)

    monkeypatch.setattr(Bench, "train_once", train)
    return known


def measured(folder: Path, *chosen: str, rows: int = 4000) -> Record:
    """The record after the suite measured the chosen contenders."""
    bench, record = bench_in(folder, *chosen, rows=rows), Record.read(folder)
    for found in run_merging(bench):
        record = record.with_result(found, bench, order=MERGING.contenders)
        record.write(folder)
    return record


def test_merged_models_are_compared_with_the_sequential_one(tmp_path: Path) -> None:
    chosen = ("sequential_0.1_seed1", "stacked_k8_seed1", "mean_k8_seed1")
    results = list(run_merging(bench_in(tmp_path, *chosen)))
    assert [found.contender for found in results] == list(chosen)
    assert all(found.ok for found in results), results
    sequential, stacked, mean = results
    written = json.loads((tmp_path / FILE).read_text())
    reported = written["trainings"]
    assert {target["met"] for target in written["bars"]} == {False}
    assert "merged − sequential, 8 shards, one pass" in {one["figure"] for one in written["bars"]}
    assert [(one["rule"], one["shards"], one["passes"]) for one in reported] == [
        ("sequential", 1, 1),
        ("stacked", 8, 1),
        ("mean", 8, 1),
    ]
    assert reported[0]["above_sequential"] is None
    for one, found in zip(reported[1:], (stacked, mean), strict=True):
        assert one["above_sequential"] == found.log_loss - sequential.log_loss
        assert one["driver_peak_memory_bytes"] > 50_000_000
    assert stacked.rows == mean.rows == sequential.rows == 3600
    files = tmp_path.glob("clicks-4000-1/files-of-*/*.parquet")
    assert len(list(files)) == 1


def test_every_case_is_a_valid_setting_and_has_a_name_of_its_own() -> None:
    cases = (*CASES, *TEXT_CASES, *TIMED_CASES)
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        training = Training.model_validate(case.settings)
        assert training.rounds + training.newton == case.passes
        assert training.shards == case.shards


def test_an_unknown_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="stacked_k8_seed1"):
        list(run_merging(bench_in(tmp_path, "stacked_k8_seed9")))


def test_the_worst_seed_is_compared_with_the_target() -> None:
    found = [
        result(f"stacked_k64_seed{seed}", figures={"above_sequential": gap})
        for seed, gap in ((1, 0.0002), (2, 0.0006))
    ]
    target = target_of("64 shards, one pass", *found)
    assert (target.value, target.met) == (0.0006, False)
    assert "seed 1: +0.00020" in target.note


def test_a_case_without_the_sequential_learner_meets_no_target() -> None:
    found = [result(f"stacked_k64_seed{seed}") for seed in (1, 2)]
    target = target_of("64 shards, one pass", *found)
    assert (target.value, target.met) == (None, False)
    missing = target.note.removesuffix(" was not measured").split(" or ")
    assert missing == [f"sequential_{step}_seed1" for step in (0.05, 0.07, 0.1)]
    assert set(missing) < set(MERGING.contenders)


def test_texts_are_compared_with_every_step_of_the_sequential_learner() -> None:
    accuracies = {"0.2": 0.90, "0.5": 0.95, "1": 0.93}
    found = [
        result("text_stacked_k64_passes2", accuracy=0.94),
        *(result(f"text_sequential_{step}", accuracy=a) for step, a in accuracies.items()),
    ]
    assert {one.contender for one in found} < set(MERGING.contenders)
    target = target_of("text, 64 shards", *found)
    assert target.value == pytest.approx(0.01)


@pytest.mark.usefixtures("losses")
def test_results_on_fewer_rows_are_not_kept_beside_those_on_more(tmp_path: Path) -> None:
    measured(tmp_path, "spark_stacked_k8", EXACT, rows=5000)
    record = measured(tmp_path, "spark_mean_k2", EXACT)
    assert [found.contender for found in record.results] == [EXACT, "spark_mean_k2"]
    assert {found.table for found in record.results} == {"merging-4000"}
    assert all("--rows 4000 " in found.command for found in record.results)
    target = target_of("extra time", *record.results)
    assert "spark_stacked_k8 was not measured" in target.note


@pytest.mark.usefixtures("losses")
def test_table_properties_are_those_of_every_seed(tmp_path: Path) -> None:
    properties = measured(tmp_path, "mean_k8_seed1").tables["merging"]
    assert (properties["name"], properties["train_rows"], properties["test_rows"]) == (
        "clicks-4000",
        3600,
        400,
    )
    assert "seed" not in properties
    both = measured(tmp_path, "mean_k8_seed2").tables["merging"]
    assert both.keys() - properties.keys() == {"best_log_loss_seed2", "best_auc_seed2"}
    assert both.items() >= properties.items()
    assert both["best_log_loss_seed1"] != both["best_log_loss_seed2"]
    none = measured(tmp_path, EXACT, rows=5000).tables["merging"]
    assert none == {"name": "clicks-5000"}


def trainings(folder: Path) -> dict[str, Any]:
    return {one["case"]: one for one in json.loads((folder / FILE).read_text())["trainings"]}


def test_a_case_measured_again_is_reported_with_earlier_ones(
    tmp_path: Path, losses: dict[str, float]
) -> None:
    losses |= {"sequential_0.05_seed1": 0.30, "sequential_0.1_seed1": 0.25}
    losses |= {"sequential_0.1_seed2": 0.10, "stacked_k8_seed1": 0.40, "stacked_k8_seed2": 0.10}
    measured(tmp_path, *losses)
    losses["stacked_k8_seed1"] = 0.50
    record = measured(tmp_path, "stacked_k8_seed1")
    reported = trainings(tmp_path)
    assert list(reported) == [name for name in MERGING.contenders if name in losses]
    assert reported["stacked_k8_seed1"]["log_loss"] == 0.50
    assert reported["stacked_k8_seed1"]["above_sequential"] == 0.25
    assert reported["stacked_k8_seed2"]["above_sequential"] == 0
    target = target_of("merged − sequential, 8 shards, one pass", *record.results)
    assert target.value == 0.25
    targets = json.loads((tmp_path / FILE).read_text())["bars"]
    assert json.loads(json.dumps(target.as_json())) in targets


@pytest.mark.usefixtures("losses")
def test_the_report_is_replaced_atomically(tmp_path: Path) -> None:
    measured(tmp_path, "mean_k8_seed1")
    opened = tmp_path / "opened.json"
    opened.hardlink_to(tmp_path / FILE)
    before = opened.read_bytes()
    measured(tmp_path, "mean_k8_seed2")
    assert opened.read_bytes() == before
    assert list(trainings(tmp_path)) == ["mean_k8_seed1", "mean_k8_seed2"]
    assert {path.name for path in tmp_path.glob("*.json")} == {FILE, "benchmark.json", opened.name}


def test_a_new_sequential_result_updates_those_compared_with_it(
    tmp_path: Path, losses: dict[str, float]
) -> None:
    losses |= {"sequential_0.1_seed1": 0.25, "stacked_k8_seed1": 0.50}
    measured(tmp_path, *losses)
    losses["sequential_0.1_seed1"] = 0.375
    record = measured(tmp_path, "sequential_0.1_seed1")
    (stacked,) = (found for found in record.results if found.contender == "stacked_k8_seed1")
    assert stacked.figures["above_sequential"] == 0.125
    assert trainings(tmp_path)["stacked_k8_seed1"]["above_sequential"] == 0.125


@pytest.mark.usefixtures("losses")
def test_trainings_on_another_table_are_not_reported(tmp_path: Path) -> None:
    measured(tmp_path, "sequential_0.1_seed1", rows=5000)
    measured(tmp_path, "mean_k8_seed1")
    assert list(trainings(tmp_path)) == ["mean_k8_seed1"]
    assert trainings(tmp_path)["mean_k8_seed1"]["above_sequential"] is None
