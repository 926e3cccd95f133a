"""The suite `merging`, on a table so small that its figures mean nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from petafit.benchmark.demands import bars_of
from petafit.benchmark.merging_cases import CASES, TEXT_CASES, TIMED_CASES
from petafit.benchmark.suite import Bench
from petafit.benchmark.suites import merging
from petafit.config.settings import Settings, Training
from petafit.errors import ConfigurationError
from tests.benchmark.made import result


class Silent:
    def begins(self, title: str) -> None:
        pass

    def ends(self, result: Any) -> None:
        pass


def bench_in(folder: Path, *chosen: str) -> Bench:
    settings = Settings(task="merging", engine="local", table="none", label="click")
    return Bench(settings, folder, folder, 4000, Silent(), chosen)


def test_merged_models_are_told_beside_the_sequential_one(tmp_path: Path) -> None:
    chosen = ("sequential_0.1_seed1", "stacked_k8_seed1", "mean_k8_seed1")
    results = list(merging.run(bench_in(tmp_path, *chosen)))
    assert [found.contender for found in results] == list(chosen)
    assert all(found.ok for found in results), results
    sequential, stacked, mean = results
    written = json.loads((tmp_path / merging.FILE).read_text())
    told = written["trainings"]
    assert {bar["met"] for bar in written["bars"]} == {False}
    assert "merged − sequential, 8 shards, one pass" in {bar["figure"] for bar in written["bars"]}
    assert [(one["rule"], one["shards"], one["passes"]) for one in told] == [
        ("sequential", 1, 1),
        ("stacked", 8, 1),
        ("mean", 8, 1),
    ]
    assert told[0]["above_sequential"] is None
    for one, found in zip(told[1:], (stacked, mean), strict=True):
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
        list(merging.run(bench_in(tmp_path, "stacked_k8_seed9")))


def test_the_worst_seed_is_held_against_the_bar() -> None:
    found = [
        result(f"stacked_k64_seed{seed}", figures={"above_sequential": gap})
        for seed, gap in ((1, 0.0002), (2, 0.0006))
    ]
    (bar,) = (bar for bar in bars_of(found) if "64 shards, one pass" in bar.figure)
    assert (bar.value, bar.met) == (0.0006, False)
    assert "seed 1: +0.00020" in bar.note


def test_a_case_without_the_sequential_learner_meets_no_bar() -> None:
    found = [result(f"stacked_k64_seed{seed}") for seed in (1, 2)]
    (bar,) = (bar for bar in bars_of(found) if "64 shards, one pass" in bar.figure)
    assert (bar.value, bar.met) == (None, False)
    missing = bar.note.removesuffix(" was not measured").split(" or ")
    assert missing == [f"sequential_{step}_seed1" for step in (0.05, 0.07, 0.1)]
    assert set(missing) < set(merging.CONTENDERS)


def test_texts_are_held_against_every_step_of_the_sequential_learner() -> None:
    accuracies = {"0.2": 0.90, "0.5": 0.95, "1": 0.93}
    found = [
        result("text_stacked_k64_passes2", accuracy=0.94),
        *(result(f"text_sequential_{step}", accuracy=a) for step, a in accuracies.items()),
    ]
    assert {one.contender for one in found} < set(merging.CONTENDERS)
    (bar,) = (bar for bar in bars_of(found) if bar.figure.startswith("text, 64 shards"))
    assert bar.value == pytest.approx(0.01)
