from pathlib import Path
from unittest.mock import patch

from petafit.aggregate.pulse import Pulse, PulseReader
from petafit.store.filesystem import Folder


def beat(folder: Folder, shard: int, rows: int, loss: float | None) -> Pulse:
    pulse = Pulse(folder, shard)
    with patch("time.monotonic", return_value=float("inf")):
        pulse.beat(rows, lambda: loss)
    return pulse


def test_running_and_finished_shards_add_up(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_json("report-000000.json", {"rows": 100})
    beat(folder, 1, 30, 0.5)
    beat(folder, 2, 10, 0.1)
    standing = PulseReader(folder).read()
    assert (standing.rows, standing.shards_done) == (140, 1)
    assert standing.loss == (30 * 0.5 + 10 * 0.1) / 40


def test_a_pulse_that_stops_is_gone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    beat(folder, 1, 30, None).stop()
    assert folder.names() == []


def test_beats_are_rare(tmp_path: Path) -> None:
    pulse = Pulse(Folder(tmp_path), 0)
    for rows in range(1000):
        pulse.beat(rows, lambda: None)
    assert len(Folder(tmp_path).names()) <= 1


def test_a_pass_that_has_not_begun_stands_at_nothing(tmp_path: Path) -> None:
    assert PulseReader(Folder(tmp_path / "none")).read().rows == 0
