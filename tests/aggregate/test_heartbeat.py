from pathlib import Path
from unittest.mock import patch

from petafit.aggregate.heartbeat import Heartbeat, HeartbeatReader
from petafit.store.filesystem import Folder


def beat(folder: Folder, shard: int, rows: int, loss: float | None) -> Heartbeat:
    heartbeat = Heartbeat(folder, shard)
    with patch("time.monotonic", return_value=float("inf")):
        heartbeat.beat(rows, lambda: loss)
    return heartbeat


def test_running_and_finished_shards_add_up(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_json("report-000000.json", {"rows": 100})
    beat(folder, 1, 30, 0.5)
    beat(folder, 2, 10, 0.1)
    standing = HeartbeatReader(folder).read()
    assert (standing.rows, standing.shards_done) == (140, 1)
    assert standing.loss == (30 * 0.5 + 10 * 0.1) / 40


def test_a_stopped_heartbeat_is_removed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    beat(folder, 1, 30, None).stop()
    assert folder.names() == []


def test_beats_are_rare(tmp_path: Path) -> None:
    heartbeat = Heartbeat(Folder(tmp_path), 0)
    for rows in range(1000):
        heartbeat.beat(rows, lambda: None)
    assert len(Folder(tmp_path).names()) <= 1


def test_the_progress_of_a_pass_starts_at_zero(tmp_path: Path) -> None:
    assert HeartbeatReader(Folder(tmp_path / "none")).read().rows == 0


def test_unwritable_heartbeats_are_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the folder should be")
    beat(Folder(tmp_path / "file/pass"), 1, 30, None).stop()
    heartbeat = beat(Folder(tmp_path / "pass"), 1, 30, None)
    (tmp_path / "pass").rename(tmp_path / "moved")
    (tmp_path / "pass").write_text("the folder is gone")
    heartbeat.stop()
    assert Folder(tmp_path / "moved").names() == ["heartbeat-000001.json"]


def test_damaged_heartbeats_are_left_out(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for shard, content in enumerate([b"", b"[1]", b'{"rows": "many"}', b'{"rows": null}', b"\xff"]):
        folder.write(f"heartbeat-{shard:06d}.json", content)
    beat(folder, 9, 30, 0.5)
    assert HeartbeatReader(folder).read().rows == 30
