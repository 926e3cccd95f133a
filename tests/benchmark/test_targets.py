import pytest

from petafit_benchmark.contender import CurvePoint
from petafit_benchmark.suites.peers import CLICKS
from petafit_benchmark.targets import LINEAR_PEERS, TARGETS, measure_targets
from tests.benchmark.examples import result, target_of


@pytest.mark.parametrize(
    ("rate", "met", "stretch_met"), [(449, False, False), (450, True, False), (600, True, True)]
)
def test_a_ratio_of_rates_is_compared_with_its_target(rate, met, stretch_met):
    target = target_of(
        "decode only",
        result("petafit_one_core", rows_per_second=float(rate)),
        result("decode_only", rows_per_second=1000.0),
    )
    assert (target.value, target.required, target.stretch) == (rate / 1000, 0.45, 0.6)
    assert (target.met, target.stretch_met) == (met, stretch_met)


def test_targets_without_their_contenders_are_missed_and_name_them():
    targets = measure_targets([result("petafit_one_core"), result("decode_only", status="failed")])
    assert len(targets) == len(TARGETS) == 25
    assert all(
        target.value is None and not target.met and not target.stretch_met for target in targets
    )
    assert all("measured" in target.note for target in targets)


def gap(*results):
    return target_of("best linear peer", *results)


def test_the_gap_is_to_the_best_peer():
    target = gap(
        result("petafit_spark", log_loss=0.4002),
        result("petafit_one_core", log_loss=0.3999),
        result("vw_cache", log_loss=0.4001),
        result("tensorflow_linear", log_loss=0.41),
        result("lightgbm_trees", log_loss=0.2),
    )
    assert target.value == pytest.approx(0.0001)  # the worse of petafit's two
    assert target.note == "best peer: vw_cache"
    assert target.met
    assert not target.stretch_met


def test_a_peer_on_a_sample_is_compared_with_petafit_on_as_few_rows():
    target = gap(
        result("petafit_spark", rows=9000, log_loss=0.40),
        result("petafit_prefixes", rows=2000, log_loss=0.45),
        result("vw_cache", rows=2000, log_loss=0.44),
        result("river_online", rows=100, log_loss=0.1),
    )
    assert target.value == pytest.approx(0.01)
    assert not target.met


def test_a_peer_run_to_convergence_is_compared_with_petafit_run_to_convergence():
    target = gap(
        result("petafit_prefixes", rows=2000, log_loss=0.45),
        result("petafit_converged", rows=2000, log_loss=0.4399, converged=True),
        result("mllib_converged", rows=2000, log_loss=0.44, converged=True),
    )
    assert target.value == pytest.approx(-0.0001)


def test_a_better_petafit_meets_the_stretch():
    assert gap(result("petafit_spark", log_loss=0.39), result("vw_text")).stretch_met


TRAJECTORY = (
    CurvePoint(rows=100, seconds=0.1, log_loss=0.6),
    CurvePoint(rows=500, seconds=0.4, log_loss=0.5),
    CurvePoint(rows=1000, seconds=0.7, log_loss=0.49),
)


@pytest.mark.parametrize(
    ("log_loss", "converged", "value", "met"),
    [
        (0.5, True, 200.0, True),
        (0.495, True, 80 / 0.7, True),
        (0.6, True, 800.0, True),
        (0.4, True, 0.0, False),
        (0.5, False, 200.0, False),
    ],
)
def test_the_race_with_mllib_is_to_its_converged_loss(log_loss, converged, value, met):
    target = target_of(
        "MLlib",
        result("mllib_converged", seconds=80.0, log_loss=log_loss, converged=converged),
        result("petafit_prefixes", trajectory=TRAJECTORY),
    )
    assert target.value == pytest.approx(value)
    assert target.met is met


@pytest.mark.parametrize(("accuracy", "met"), [(0.8, True), (0.79, False)])
def test_speed_on_text_counts_at_no_worse_accuracy(accuracy, met):
    target = target_of(
        "text:",
        result("petafit_text", rows_per_second=9000.0, accuracy=accuracy),
        result("sklearn_text", rows_per_second=1000.0, accuracy=0.8),
    )
    assert target.value == 9
    assert target.met is met


@pytest.mark.parametrize(("largest", "met"), [(500e6, True), (560e6, False), (601e6, False)])
def test_a_workers_memory_must_not_grow(largest, met):
    target = target_of(
        "peak memory of a worker",
        result("petafit_memory", figures={"worker_peak_bytes": 490e6}),
        result("scale_1m", figures={"worker_peak_bytes": 480e6}),
        result("scale_100m", figures={"worker_peak_bytes": largest}),
    )
    assert target.value == largest / 1e6
    assert target.met is met


@pytest.mark.parametrize(("rate", "met"), [(950.0, True), (900.0, False)])
def test_time_per_row_is_the_inverse_of_the_rate(rate, met):
    target = target_of(
        "at 100M rows", result("scale_10m"), result("scale_100m", rows_per_second=rate)
    )
    assert target.value == pytest.approx(1000 / rate)
    assert target.met is met


def test_all_linear_peers_are_contenders():
    assert {*LINEAR_PEERS} <= {*CLICKS.contenders}


@pytest.mark.parametrize(("largest", "met"), [(1e-9, True), (1.1e-9, False)])
def test_exact_learners_are_judged_by_the_worst(largest, met):
    figures = {
        "largest_relative_difference": largest,
        "relative_difference_petafit.Ridge": largest,
        "relative_difference_sklearn.GaussianNB": 1e-14,
    }
    target = target_of("exact learners", result("petafit_exact", figures=figures))
    assert (target.value, target.met, target.note) == (largest, met, "petafit.Ridge")


def test_the_cost_of_merging_is_its_share_of_the_pass():
    target = target_of(
        "extra time",
        result("spark_mean_k2", seconds=9.0),
        result("spark_stacked_k8", seconds=10.0),
    )
    assert target.value == pytest.approx(0.1)
    assert "9.0 s and 10.0 s" in target.note


def test_merged_texts_are_compared_with_the_best_sequential_learner():
    target = target_of(
        "accuracy, sequential",
        *(
            result(f"text_sequential_{step}", accuracy=accuracy)
            for step, accuracy in (("0.2", 0.80), ("0.5", 0.82), ("1", 0.81))
        ),
        result("text_stacked_k64_passes2", accuracy=0.819),
    )
    assert target.value == pytest.approx(0.001)
    assert target.met
