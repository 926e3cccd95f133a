import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from petafit.aggregate.heartbeat import HeartbeatReader
from petafit.errors import StorageError
from petafit.store.filesystem import Folder
from petafit.workflow.progress import show_progress


def test_without_a_terminal_progress_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="petafit")
    with show_progress("train", HeartbeatReader(Folder(tmp_path)), shards=2, rows=40):
        Folder(tmp_path).write_json("report-000000.json", {"rows": 30})
    assert "train rows=30/40 shards=1/2" in caplog.text


def test_on_a_terminal_there_is_a_bar(tmp_path: Path) -> None:
    code = """
import sys
from petafit.aggregate.heartbeat import HeartbeatReader
from petafit.store.filesystem import Folder
from petafit.workflow.progress import show_progress
folder = Folder(sys.argv[1])
with show_progress("train", HeartbeatReader(folder), shards=2, rows=40):
    folder.write_json("report-000000.json", {"rows": 30})
"""
    reader, writer = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], stderr=writer, env=environment, check=True
    )
    os.close(writer)
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    assert "30 rows" in shown
    assert "75%" in shown


def test_progress_that_cannot_be_shown_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reader = HeartbeatReader(Folder(tmp_path / "file"))
    with pytest.raises(StorageError):
        reader.read()
    with show_progress("train", reader, shards=1, rows=None):
        worked = True
    assert worked
