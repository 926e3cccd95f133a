"""Leases: one process at a time, and none that is dead keeps others out."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from petafit.errors import ConflictError, StorageError
from petafit.store import lease as module
from petafit.store.filesystem import Folder
from petafit.store.lease import LIVE_SECONDS, Claim, Lease, own_claim

HOLD = """
import sys, time
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
Lease(Folder(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(600)
"""

TAKE_TURNS = """
import sys, time
from petafit.errors import ConflictError
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
folder, who = Folder(sys.argv[1]), sys.argv[2]
inside = folder.child("inside")
for _ in range(15):
    lease = Lease(folder.child("lease"))
    try:
        lease.acquire()
    except ConflictError:
        continue
    assert inside.create("anybody", who.encode()), "two processes hold the lease"
    time.sleep(0.005)
    inside.remove("anybody")
    lease.release()
    print("turn", flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "run/lease")


@pytest.fixture
def holder(folder):
    """A process that holds the lease until it is killed."""
    command = [sys.executable, "-c", HOLD, folder.uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def put(folder, *, age=0.0, **changes):
    """Leave a claim of another process, as if it had been written some seconds ago."""
    claim = replace(own_claim(held=True), renewed_at=time.time() - age)
    folder.write_json("other.json", vars_of(replace(claim, **changes)))
    grow_old(folder, age)


def grow_old(folder, age):
    """Make the claim some seconds older, by the storage's clock."""
    then = time.time() - age
    os.utime(Path(folder.path, "other.json"), (then, then))


def vars_of(claim):
    return {name: getattr(claim, name) for name in Claim.__dataclass_fields__}


def test_a_released_lease_is_free(folder):
    for _ in range(2):
        lease = Lease(folder)
        lease.acquire()
        lease.release()
    assert folder.names() == []


def test_a_lease_may_be_taken_again_by_the_same_object(folder):
    lease = Lease(folder)
    for _ in range(2):
        lease.acquire()
        assert Lease(folder).is_held_by_another()
        lease.release()
    assert not Lease(folder).is_held_by_another()


def test_a_live_lease_refuses_naming_its_holder(folder, holder):
    with pytest.raises(ConflictError, match=f"run is in use by process {holder.pid} on "):
        Lease(folder).acquire()
    assert len(folder.names()) == 1


def test_the_lease_of_a_killed_process_is_dead_at_once(folder, holder):
    holder.kill()
    # Not waited for: a zombie, as where no init process reaps, counts as dead too.
    while module._born(holder.pid) not in ("gone", None):
        time.sleep(0.001)
    Lease(folder).acquire()
    assert len(folder.names()) == 1


def test_a_second_lease_in_one_process_is_refused(folder):
    first = Lease(folder)
    first.acquire()
    with pytest.raises(ConflictError, match=f"process {os.getpid()}"):
        Lease(folder).acquire()
    first.release()


OLD = LIVE_SECONDS + 1


@pytest.mark.parametrize(
    ("changes", "live"),
    [
        ({}, True),
        ({"age": OLD}, True),  # a process of this machine that runs, but could not renew
        ({"age": module._STALLED_SECONDS + 1}, False),
        ({"born": "another process with this id"}, False),
        ({"machine": "elsewhere", "pid": 2**22 + 1}, True),
        ({"machine": "elsewhere", "age": OLD}, False),
        ({"machine": "elsewhere", "age": OLD, "renewed_at": time.time() + 86_400}, False),
        ({"machine": "elsewhere", "renewed_at": time.time() - 86_400}, True),
        ({"pid": 2**22 + 1}, False),
        ({"pid": 1, "born": ""}, False),
    ],
)
def test_who_counts_as_live(folder, changes, live):
    put(folder, **changes)
    assert Lease(folder).is_held_by_another() == live
    if live:
        with pytest.raises(ConflictError):
            Lease(folder).acquire()
        return
    Lease(folder).acquire()
    assert not folder.exists("other.json")


def test_looking_at_a_dead_lease_leaves_it(folder):
    put(folder, machine="elsewhere", age=OLD)
    assert not Lease(folder).is_held_by_another()
    assert folder.names() == ["other.json"]


def test_a_stopped_process_keeps_its_lease(folder, holder):
    """SIGSTOP, swapping or a paused container: the process renews nothing, and continues later."""
    os.kill(holder.pid, signal.SIGSTOP)
    (name,) = folder.names()
    claim = folder.read_json(name)
    folder.write_json(name, claim | {"renewed_at": claim["renewed_at"] - OLD})
    then = time.time() - OLD
    os.utime(Path(folder.path, name), (then, then))
    assert Lease(folder).is_held_by_another()
    with pytest.raises(ConflictError, match=f"process {holder.pid}"):
        Lease(folder).acquire()


DAMAGED = [b"", b"{", b"\xff", b"null", b"[]", b"{}", b'{"host": "a"}']


@pytest.mark.parametrize(
    "content",
    [
        *DAMAGED,
        pytest.param({"renewed_at": "yesterday"}, id="text as a time"),
        pytest.param({"pid": [1]}, id="a list as a process id"),
        pytest.param({"pid": 2**70}, id="a process id that is none"),
        pytest.param({"pid": 0}, id="no process"),
        pytest.param({"host": None}, id="no host"),
    ],
)
def test_a_damaged_lease_counts_while_its_file_is_young(folder, content):
    if isinstance(content, dict):
        put(folder, machine="elsewhere")
        folder.write_json("other.json", folder.read_json("other.json") | content)
    else:
        folder.write("other.json", content)
    assert Lease(folder).is_held_by_another()
    with pytest.raises(ConflictError, match="lease file is damaged"):
        Lease(folder).acquire()
    grow_old(folder, OLD)
    Lease(folder).acquire()
    assert not folder.exists("other.json")


def test_a_process_of_another_user_counts_as_running(folder, monkeypatch):
    def forbid(pid, signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbid)
    put(folder)
    assert Lease(folder).is_held_by_another()


def test_without_proc_the_process_id_alone_decides(folder, monkeypatch):
    read_text = Path.read_text

    def without_proc(path, *arguments, **keywords):
        if path.is_relative_to("/proc"):
            raise FileNotFoundError(path)
        return read_text(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "read_text", without_proc)
    put(folder, born="")
    assert Lease(folder).is_held_by_another()
    put(folder, born="", age=OLD)
    assert not Lease(folder).is_held_by_another()
    put(folder, born="", pid=2**22 + 1)
    assert not Lease(folder).is_held_by_another()


def test_two_who_meet_while_claiming_step_back_and_one_comes_first(folder, monkeypatch):
    put(folder, held=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: folder.remove("other.json"))
    Lease(folder).acquire()
    assert len(folder.names()) == 1


def test_nobody_waits_forever_for_one_who_keeps_claiming(folder, monkeypatch):
    put(folder, held=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(ConflictError):
        Lease(folder).acquire()
    assert folder.names() == ["other.json"]


def test_renewals_keep_a_lease_live_and_notice_its_loss(folder, monkeypatch):
    renewed = threading.Event()
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    lease = Lease(folder)
    lease.acquire()
    (name,) = folder.names()
    first = folder.read_json(name)["renewed_at"]
    while folder.read_json(name)["renewed_at"] == first:
        renewed.wait(0.005)
    # A renewal under way may put the claim back once; the next one finds it gone.
    while not lease.is_lost:
        folder.remove(name)
        renewed.wait(0.005)
    lease.release()
    assert folder.names() == []


def test_storage_that_fails_for_a_moment_does_not_end_a_lease(folder, monkeypatch):
    failed = threading.Event()

    def fail(*_):
        failed.set()
        raise StorageError("The storage is out of reach")

    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    lease = Lease(folder)
    lease.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "exists", fail)
        assert failed.wait(10)
    assert not lease.is_lost
    lease.release()
    assert folder.names() == []


def test_never_do_two_processes_hold_it(tmp_path):
    command = [sys.executable, "-c", TAKE_TURNS, str(tmp_path)]
    processes = [
        subprocess.Popen([*command, who], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for who in "abc"
    ]
    said = [process.communicate() for process in processes]
    assert [error for _, error in said] == ["", "", ""]
    assert "turn" in "".join(turns for turns, _ in said)
