import json
from types import SimpleNamespace

import pytest

from petafit.errors import StorageError
from petafit_benchmark.record import Record
from petafit_benchmark.results import Tuning
from petafit_benchmark.targets import TARGETS
from tests.benchmark.examples import result

ORDER = ("decode_only", "petafit_one_core", "petafit_spark")


def bench(*tunings):
    return SimpleNamespace(tables={"clicks": {"rows": 9}}, tunings={t.learner: t for t in tunings})


def tuning(learner, *losses):
    grid = tuple(float(value) for value in range(len(losses)))
    return Tuning("clicks", "t", learner, "step", "c", 5, 2, grid, losses)


def record_of(*results, start=None):
    record = start or Record({"cores": 2})
    for one in results:
        record = record.with_result(one, bench(), order=ORDER)
    return record


def names(record):
    return [found.contender for found in record.results]


def test_newer_results_replace_older_ones_in_the_suites_order():
    record = record_of(result("petafit_spark"), result("decode_only"), result("mine.own"))
    record = record_of(result("decode_only", seconds=9.0), start=record)
    assert names(record) == ["decode_only", "petafit_spark", "mine.own"]
    assert record.results[0].seconds == 9


def test_results_of_another_table_go_with_it():
    record = record_of(result("petafit_spark"), result("scale_1m", suite="scale", table="scale"))
    record = record_of(result("decode_only", table="clicks-20-1"), start=record)
    assert names(record) == ["decode_only", "scale_1m"]


def test_tunings_are_kept_by_learner():
    record = Record({}).with_result(result("a"), bench(tuning("x", 2, 1)), order=())
    record = record.with_result(result("b"), bench(tuning("y", 1), tuning("x", 1, 2)), order=())
    assert {t.learner: t.chosen for t in record.tunings} == {"x": 0, "y": 0}


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = record_of(result("decode_only"), result("petafit_spark", status="timeout"))
    record = record.with_result(result("a"), bench(tuning("x", 2, 1)), order=ORDER)
    record.write(tmp_path)
    assert Record.read(tmp_path) == record
    content = json.loads((tmp_path / "benchmark.json").read_text())
    assert content["tunings"][0]["chosen"] == 1
    assert len(content["bars"]) == len(TARGETS)
    assert " ".join(sorted(content["bars"][0])) == (
        "bar better figure met note stretch stretch_met suites value"
    )


def test_without_a_file_the_record_is_empty(tmp_path):
    assert Record.read(tmp_path).results == ()


@pytest.mark.parametrize("content", ["", "[]", '{"format": 9}', '{"format": 1}'])
def test_another_file_is_not_overwritten(tmp_path, content):
    (tmp_path / "benchmark.json").write_text(content)
    with pytest.raises(StorageError, match="no record of a benchmark"):
        Record.read(tmp_path)
