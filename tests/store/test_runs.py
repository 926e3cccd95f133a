"""Runs: what they leave, when they resume, and who is refused."""

import json
import signal
from pathlib import Path
from uuid import uuid4

import pytest

from petafit.errors import ConfigurationError, ContractError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease, own_claim
from petafit.store.runs import RunStore
from tests.store.running import begin, manifest

FIELDS = {
    "format", "job", "task", "environment", "run_id", "logical_date", "status", "error",
    "made", "again_because", "started_at", "seconds", "versions", "settings_digest", "inputs",
    "plans", "rows", "outputs", "metrics", "measured_on", "learning_rate", "clusters",
    "rounds", "model", "weights", "summaries", "influence", "search", "warnings", "timings",
    "peak_memory_bytes", "compiled_kernels", "stages", "stage_files",
}  # fmt: skip


@pytest.mark.parametrize("uri", ["local", "memory"])
def test_a_run_records_itself(tmp_path, uri):
    store = RunStore(tmp_path if uri == "local" else f"mock://{uuid4().hex}/runs")
    with begin(store, logical_date="2013-10-01") as run:
        assert manifest(store)["status"] == "running"
        assert manifest(store).keys() == FIELDS
        run.update(metrics={"auc": 0.7}, inputs=[{"table": "t", "version": 3, "rows": 7}])
        assert not run.finished
    assert run.finished
    left = manifest(store)
    assert left == run.manifest
    assert left.keys() == FIELDS
    assert left["seconds"] >= 0
    written = {
        "format": 1,
        "job": "train",
        "task": "flights",
        "environment": "local",
        "run_id": "run-1",
        "logical_date": "2013-10-01",
        "settings_digest": "abc",
        "versions": {"python": "3.11"},
        "status": "succeeded",
        "error": None,
        "metrics": {"auc": 0.7},
        "inputs": [{"table": "t", "version": 3, "rows": 7}],
        "outputs": [],
        "rounds": [],
        "model": None,
    }
    assert {name: left[name] for name in written} == written
    assert run.folder.names() == (
        ["lease", "manifest.json"] if uri == "local" else run.folder.names()
    )


def test_mappings_are_merged_and_other_values_replaced(store):
    with begin(store) as run:
        run.update(rows={"in": 7}, outputs=["a"])
        run.update(rows={"used": 5}, outputs=["b"], model={"name": "flights"})
    assert manifest(store)["rows"] == {"in": 7, "used": 5}
    assert manifest(store)["outputs"] == ["b"]
    assert manifest(store)["model"] == {"name": "flights"}


def test_only_results_can_be_updated(store):
    with begin(store) as run:
        with pytest.raises(ConfigurationError, match=r"'metric'.*Did you mean 'metrics'"):
            run.update(metric={})
        with pytest.raises(ConfigurationError, match="'status'"):
            run.update(status="succeeded")


def test_stages_add_up_their_time(store):
    with begin(store) as run:
        with run.stage("fit"):
            pass
        first = manifest(store)["timings"]["fit"]
        with run.stage("fit"), run.stage("merge"):
            pass
    assert manifest(store)["timings"]["fit"] > first > 0
    assert manifest(store)["timings"].keys() == {"fit", "merge"}


# --- endings


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ContractError("Column 'x' is missing"), "ContractError: Column 'x' is missing"),
        (ZeroDivisionError("division"), "ZeroDivisionError: division"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_an_error_fails_the_run_and_is_raised_again(store, error, text):
    with pytest.raises(type(error)), begin(store) as run, run.stage("fit"):
        raise error
    assert not run.finished
    assert (manifest(store)["status"], manifest(store)["error"]) == ("failed", text)
    assert manifest(store)["timings"]["fit"] > 0
    assert run.folder.child("lease").names() == []


def test_ctrl_c_leaves_nothing_that_looks_finished(store, worker):
    worker.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in worker.communicate()[1]
    assert (manifest(store)["status"], manifest(store)["error"]) == ("failed", "interrupted")
    assert not Lease(store.folder.child("run-1", "lease")).is_held_by_another()


def test_a_success_that_cannot_be_written_is_none(store, monkeypatch):
    with pytest.raises(StorageError), begin(store) as run:
        monkeypatch.setattr(Folder, "write_json", unwritable)
    monkeypatch.undo()
    assert not run.finished
    assert manifest(store)["status"] == "running"
    assert store.list()[0]["status"] == "failed"


def test_an_error_is_not_hidden_by_one_of_the_manifest(store, monkeypatch):
    def work():
        monkeypatch.setattr(Folder, "write_json", unwritable)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), begin(store):
        work()


def test_an_error_in_a_stage_is_not_hidden_by_one_of_the_manifest(store, monkeypatch, caplog):
    def work():
        monkeypatch.setattr(Folder, "write_json", unwritable)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), begin(store) as run, run.stage("fit"):
        work()
    assert "The storage is out of reach" in caplog.text


def unwritable(*_):
    raise StorageError("The storage is out of reach")


# --- folders that cannot work


@pytest.mark.parametrize("below", ["plain", "/proc/nowhere"])
def test_an_unwritable_folder_is_refused_before_any_work(tmp_path, below):
    (tmp_path / "plain").write_text("a file, not a folder")
    run = begin(RunStore(tmp_path / below))
    with pytest.raises(ConfigurationError, match=r"run-1 cannot be used; got .*paths\.runs"), run:
        pytest.fail("entered")


@pytest.mark.parametrize("run_id", ["", "..", "a/b", ".hidden", "x" * 201])
def test_an_id_that_is_no_folder_name_is_refused(store, run_id):
    with pytest.raises(ConfigurationError, match="cannot have the id"):
        begin(store, run_id)


def test_a_schedulers_id_is_taken(store):
    with begin(store, "scheduled__2013-10-01T00:00:00+00:00") as run:
        pass
    assert run.finished


GOOD = {
    **dict.fromkeys(("job", "task", "settings_digest", "run_id", "started_at"), "x"),
    "format": 1,
    "logical_date": None,
    "status": "failed",
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"format": 2}, "expected format 1; got format 2"),
        ([], "got format None"),
        ({"format": 1, "job": "train"}, "task: Field required"),
        ("{", "is not JSON"),
        ("[" * 10**6, "is not JSON"),
        (GOOD | {"status": "done"}, "status: Input should be 'running', 'succeeded' or"),
        (GOOD | {"started_at": 5}, "started_at: "),
        (GOOD | {"inputs": None}, "inputs: "),
        (GOOD | {"inputs": [{"table": 5}]}, "inputs.0.table: "),
        (GOOD | {"plans": []}, "plans: "),
        (GOOD | {"outputs": [{"path": "x"}]}, "outputs.0.format: "),
        (GOOD | {"model": {"name": "x", "version": "../1"}}, "model.version: "),
        (GOOD | {"made": "twice"}, "made: "),
        (GOOD | {"metrics": {"auc": "high"}}, "metrics.auc: "),
    ],
)
def test_a_strange_manifest_is_refused_and_listed_after_the_others(store, content, message):
    with begin(store, "run-0"):
        pass
    written = content if isinstance(content, str) else json.dumps(content)
    store.folder.write("run-1/manifest.json", written.encode())
    with pytest.raises(StorageError, match=message):
        begin(store)
    good, bad = store.list()
    assert (good["run_id"], good["status"]) == ("run-0", "succeeded")
    assert (bad["run_id"], bad["status"], bad["started_at"]) == ("run-1", "unreadable", None)
    assert message in bad["error"]


def test_runs_are_listed_newest_first(store):
    assert store.list() == []
    for run_id in ("b", "c", "a"):
        with begin(store, run_id) as run:
            run.manifest["started_at"] = f"2013-01-0{'bca'.index(run_id) + 1}"
    store.folder.write("not-a-run/x", b"")
    store.folder.write("note.txt", b"")
    assert [manifest["run_id"] for manifest in store.list()] == ["a", "c", "b"]


def test_a_run_may_be_listed_by_one_who_cannot_write(store, monkeypatch):
    with begin(store) as run:
        run.folder.child("lease").write_json("dead.json", {**vars(own_claim(held=True)), "pid": 0})
        monkeypatch.setattr(Folder, "write", unwritable)
        monkeypatch.setattr(Folder, "remove", unwritable)
        assert store.list()[0]["status"] == "running"
        monkeypatch.undo()


def test_values_of_numpy_and_nan_are_written_as_json(store):
    import numpy as np

    with begin(store) as run:
        run.update(metrics={"auc": np.float64("nan"), "log_loss": np.float32(0.5)})
    text = Path(store.folder.path, "run-1/manifest.json").read_text()
    assert json.loads(text)["metrics"] == {"auc": None, "log_loss": 0.5}
