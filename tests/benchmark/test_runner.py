import pytest

from petafit_benchmark.results import Tuning
from petafit_benchmark.runner import Runner
from tests.benchmark.examples import IMPORT_PATH, table

TOYS = "tests.benchmark.toys"


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A table of 2,400 rows, the size that all limits are stated for."""
    monkeypatch.setenv("PYTHONPATH", IMPORT_PATH)
    made = table(tmp_path / "table")
    return Runner("toys", made, tmp_path, full_rows=2400, tuning_rows=200)


def test_a_contender_is_tuned_then_measured(runner):
    result = runner.measure(f"{TOYS}:CONSTANT")
    assert result.status == "ok"
    assert result.tuned == {"probability": 0.25}  # a quarter of the rows is positive
    (tuning,) = runner.tunings.values()
    assert tuning.grid == (0.1, 0.25, 0.9)
    assert min(tuning.log_losses) == tuning.log_losses[1]
    assert tuning.chosen == 0.25
    assert not tuning.at_edge


def test_a_slow_contender_learns_from_the_newest_rows(runner):
    result = runner.measure(f"{TOYS}:CONSTANT")
    assert result.rows == 500
    assert result.extrapolated
    assert (runner.table.folder / "newest-500").is_dir()
    assert result.rows_per_second == 1000
    assert result.seconds_to_log_loss == 0.25
    assert result.auc == 0.5
    assert result.auc_ci == (0.5, 0.5)
    assert result.versions.keys() == {"numpy"}


def test_smaller_tables_scale_samples_down(runner):
    runner.full_rows *= 10
    assert runner.measure(f"{TOYS}:CONSTANT").rows == 50


def test_contenders_of_one_learner_share_its_tuning(runner):
    runner.tunings["toy constant"] = Tuning(
        suite="toys",
        table="table",
        learner="toy constant",
        tunes="probability",
        contender="another",
        rows=1,
        validation_rows=1,
        grid=(0.1, 0.9),
        log_losses=(0.7, 0.6),
    )
    assert runner.measure(f"{TOYS}:CONSTANT").tuned == {"probability": 0.9}
    assert runner.tunings["toy constant"].at_edge


@pytest.mark.parametrize(
    ("toy", "status", "error"),
    [
        ("FAILS", "failed", "no luck today"),
        ("NEEDS_MORE", "missing", "needs a_module_that_nobody_has"),
    ],
)
def test_a_contender_that_cannot_be_measured_is_reported(runner, toy, status, error):
    result = runner.measure(f"{TOYS}:{toy}")
    assert result.status == status
    assert error in result.error
    assert result.rows is None
    assert result.log_loss is None


def test_nothing_is_left_but_the_log(runner):
    runner.measure(f"{TOYS}:FAILS")
    assert not list((runner.folder / "scratch").iterdir())
    assert [log.name for log in (runner.folder / "logs").iterdir()] == [f"toys-{TOYS}:FAILS.log"]
