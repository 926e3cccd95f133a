"""The id of a run once more: what is resumed, left alone or refused."""

import pytest

from petafit.errors import ConflictError
from tests.store.running import begin, manifest


def fail(store, **results):
    run = begin(store).__enter__()
    run.update(**results)
    error = ZeroDivisionError("division")
    run.__exit__(ZeroDivisionError, error, None)


def test_a_finished_run_has_nothing_to_do_and_is_left_alone(store):
    with begin(store):
        pass
    before = manifest(store)
    run = begin(store, versions={"python": "3.12"})
    assert run.finished
    with run:
        assert run.finished
    assert manifest(store) == before


def test_a_failed_run_resumes_with_its_earlier_results(store):
    fail(store, inputs=[{"table": "pinned"}], timings={"plan": 1.0})
    with begin(store, versions={"python": "3.12"}) as run:
        assert run.manifest["inputs"] == [{"table": "pinned"}]
        assert (manifest(store)["status"], manifest(store)["error"]) == ("running", None)
        with run.stage("fit"):
            pass
    assert run.finished
    assert manifest(store)["timings"].keys() == {"plan", "fit"}
    assert manifest(store)["versions"] == {"python": "3.12"}


@pytest.mark.parametrize(
    "changes",
    [
        {"job": "evaluate"},
        {"task": "clicks"},
        {"settings_digest": "def"},
        {"logical_date": "2013-10-02"},
    ],
)
@pytest.mark.parametrize("ending", ["succeeded", "failed"])
def test_an_id_used_for_other_work_is_refused(store, changes, ending):
    if ending == "failed":
        fail(store)
    else:
        begin(store).__enter__().__exit__(None, None, None)
    (name, value), *_ = changes.items()
    with pytest.raises(ConflictError, match=f"'run-1' was used for other work.*got {name} {value}"):
        begin(store, **changes)
    assert manifest(store)["status"] == ending


def test_another_environment_is_the_same_work(store):
    with begin(store):
        pass
    assert begin(store, environment="cluster").finished


def test_a_run_at_work_elsewhere_is_refused(store, worker):
    run = begin(store)
    with pytest.raises(ConflictError, match=f"run-1 is in use by process {worker.pid}"), run:
        pytest.fail("entered")
    assert manifest(store)["status"] == "running"


def test_a_killed_run_resumes_at_once(store, worker):
    assert store.list()[0]["status"] == "running"
    worker.kill()
    worker.wait()
    assert manifest(store)["status"] == "running"
    assert (store.list()[0]["status"], store.list()[0]["error"]) == (
        "failed",
        "its process died unexpectedly",
    )
    with begin(store) as run:
        assert run.manifest["rows"] == {"in": 7}
    assert store.list()[0]["status"] == "succeeded"


def test_a_run_that_another_process_finished_meanwhile_is_finished(store):
    early = begin(store)
    with begin(store):
        pass
    before = manifest(store)
    with early:
        assert early.finished
    assert manifest(store) == before
    assert early.folder.child("lease").names() == []


def test_an_id_that_another_process_took_meanwhile_is_refused(store):
    early = begin(store)
    with begin(store, settings_digest="def"):
        pass
    with pytest.raises(ConflictError, match="other work"), early:
        pytest.fail("entered")
    assert early.folder.child("lease").names() == []


def test_a_run_that_was_taken_over_writes_nothing_more(store):
    run = begin(store).__enter__()
    run._lease.is_lost = True
    for write in (lambda: run.update(rows={"in": 7}), lambda: run.__exit__(None, None, None)):
        with pytest.raises(ConflictError, match="taken over"):
            write()
    assert manifest(store)["rows"] == {}
    assert manifest(store)["status"] == "running"


def test_a_finished_run_begins_anew_where_it_must(store):
    with begin(store) as run:
        run.update(rows={"in": 7}, outputs=[{"path": "old", "format": "delta", "rows": 7}])
        run.folder.write("plans/score.arrow", b"old")
    run = begin(store)
    run.make_again("its table is gone")
    assert not run.finished
    with run:
        assert run.manifest["rows"] == {}
        assert run.manifest["outputs"] == []
        assert run.folder.files() == [
            f"lease/{run.folder.child('lease').names()[0]}",
            "manifest.json",
        ]
    assert run.finished
    assert (manifest(store)["made"], manifest(store)["again_because"]) == (2, "its table is gone")


def test_a_run_repeated_by_another_process_counts(store):
    with begin(store):
        pass
    first, second = begin(store), begin(store)
    first.make_again("gone")
    second.make_again("gone")
    with first:
        first.update(rows={"in": 8})
    with second:
        assert second.finished
    assert (manifest(store)["made"], manifest(store)["rows"]) == (2, {"in": 8})


def test_a_run_that_failed_to_be_made_again_is_resumed(store):
    with begin(store):
        pass
    run = begin(store)
    run.make_again("gone")
    run.__enter__()
    run.update(rows={"in": 8})
    run.__exit__(ZeroDivisionError, ZeroDivisionError("division"), None)
    with begin(store) as resumed:
        assert resumed.manifest["rows"] == {"in": 8}
    assert (manifest(store)["made"], manifest(store)["again_because"]) == (2, "gone")
