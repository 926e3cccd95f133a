import json
from dataclasses import asdict

from petafit_benchmark.contender import ContenderRun, CurvePoint, Spec
from petafit_benchmark.results import Result, middle
from tests.benchmark.examples import result


def test_specs_and_results_are_read_as_they_were_written():
    spec = Spec(
        train="a", test="b", rows=3, label="y", work="w", strings=("c1",), classes=("n", "y")
    )
    trained = ContenderRun(
        rows=3,
        seconds=1.5,
        predictions=None,
        trajectory=(CurvePoint(rows=1, seconds=0.5, log_loss=0.7),),
        figures={"rounds": 2},
    )
    full = result("petafit_spark", trajectory=trained.trajectory, tuned={"step": 0.1})
    for written in (spec, trained, full):
        assert type(written).from_json(json.loads(json.dumps(asdict(written)))) == written


def test_the_middle_of_three_has_the_median_time_and_median_figures():
    runs = [
        result("p", seconds=s, peak_memory_bytes=b, figures={"worker_peak_bytes": w})
        for s, b, w in ((3.0, 10, 7.0), (1.0, 30, 9.0), (2.0, 20, 8.0))
    ]
    assert middle(runs) == result(
        "p", seconds=2.0, peak_memory_bytes=20, figures={"worker_peak_bytes": 8.0}
    )


def test_the_middle_of_runs_with_a_failure_is_the_failure():
    failed = result("p", status="failed", error="no")
    assert middle([result("p"), failed, result("p")]) is failed


def test_the_published_fields_are_there():
    fields = (
        "contender, cores, rows, seconds, rows_per_second, log_loss, log_loss_ci, auc, auc_ci, "
        "seconds_to_log_loss, peak_memory_bytes, converged, extrapolated, versions, command"
    )
    assert set(fields.split(", ")) <= set(Result.__dataclass_fields__)
