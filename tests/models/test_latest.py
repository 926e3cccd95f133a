"""The latest version: by logical date, then by publication."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.models.latest import Latest
from petafit.models.store import ModelStore
from petafit.store.arrays import StateDict
from petafit.store.run_manifest import moment

DATES = st.one_of(st.none(), st.sampled_from(["2024-01-01", "2024-01-02", "2024-01-02T12:00:00Z"]))


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models")


def publish(store, date, run_id=None):
    number = len(store.list()) + 1
    named = StateDict({"w": np.full(3, number)})
    options = {"settings_digest": "", "metrics": {}, "logical_date": date}
    return store.publish("flights", named, run_id=run_id or f"run-{number}", **options)


def pointer(store):
    return Path(store.folder.path, "flights", "latest.json")


@pytest.mark.parametrize(
    ("dates", "latest"),
    [
        (["2024-01-03", "2024-01-01"], 1),
        (["2024-01-03", "2024-01-03"], 2),
        (["2024-01-03", "2024-01-03T00:00:00+01:00"], 1),
        ([None, None], 2),
        ([None, "2024-01-01"], 2),
        (["2024-01-03", None], 2),
        (["2024-01-03", None, "2024-01-02"], 2),
        (["2024-01-03", None, "2024-01-03"], 3),
        (["2024-01-03", "2024-01-01", None, "2024-01-04", "2024-01-02"], 4),
    ],
)
def test_a_backfill_does_not_become_the_latest(store, dates, latest):
    for date in dates:
        publish(store, date)
    assert store.find("flights").version == latest
    assert store.find("flights").logical_date == dates[latest - 1]
    pointer(store).unlink()
    assert store.find("flights").version == latest


@given(st.lists(DATES, min_size=1, max_size=8))
def test_the_latest_is_of_the_latest_date_or_came_after_it_without_one(dates):
    latest = Latest(1, dates[0], 1)
    for number, date in enumerate(dates[1:], 2):
        latest = latest.then(number, date)
    dated = [(moment(date), number) for number, date in enumerate(dates, 1) if date]
    candidates = [number for number, date in enumerate(dates, 1) if date is None]
    if dated:
        newest = max(dated)
        later = [n for n in candidates if n > min(d[1] for d in dated if d[0] == newest[0])]
        assert latest.version == max([newest[1], *later])
    else:
        assert latest.version == len(dates)


def test_models_and_a_pointer_of_an_older_petafit_go_on_as_they_were(store):
    for _ in range(2):
        publish(store, None)
    pointer(store).write_text(json.dumps({"format": 1, "version": 2}))
    for number in (1, 2):
        path = pointer(store).parent / f"versions/{number:06d}.json"
        old = json.loads(path.read_text())
        del old["logical_date"]
        path.write_text(json.dumps(old))
    assert store.find("flights").version == 2
    assert store.find("flights").logical_date is None
    publish(store, "2024-01-03")
    publish(store, "2024-01-01")
    assert store.find("flights").version == 3


def test_a_number_that_was_removed_and_given_again_is_looked_at(store):
    publish(store, "2024-01-02")
    publish(store, "2024-01-03")
    (pointer(store).parent / "versions/000002.json").unlink()
    assert publish(store, "2024-01-04").version == 2
    assert store.find("flights").version == 2
    (pointer(store).parent / "versions/000002.json").unlink()
    assert publish(store, "2024-01-01").version == 2
    assert store.find("flights").version == 1


def test_a_damaged_pointer_and_damaged_versions_do_not_hinder_the_next(store):
    publish(store, "2024-01-02")
    (pointer(store).parent / "versions/000002.json").write_text("{")
    for damage in ("{", "[]", '{"format": 1, "version": "x"}', '{"format": 1, "version": 9}'):
        pointer(store).write_text(damage)
        last = publish(store, "2024-01-05")
        assert store.find("flights").version == last.version


PUBLISH = """
import sys, numpy as np
from petafit.store.arrays import StateDict
from petafit.models.store import ModelStore
store, who = ModelStore(sys.argv[1]), sys.argv[2]
for number, day in enumerate(map(int, sys.argv[3:])):
    named = StateDict({"w": np.full(3, number)}, {"who": who})
    run = {"run_id": f"{who}-{day}", "settings_digest": "", "metrics": {}}
    store.publish("flights", named, logical_date=f"2024-01-{day:02d}", **run)
"""


def test_publishers_at_once_agree_on_the_latest(store):
    days = {"a": [*range(1, 30, 2), 3], "b": [*range(2, 31, 2), 4]}
    command = [sys.executable, "-c", PUBLISH, store.folder.uri]
    processes = [subprocess.Popen([*command, who, *map(str, ds)]) for who, ds in days.items()]
    assert [process.wait() for process in processes] == [0, 0]
    assert store.find("flights").logical_date == "2024-01-30"
