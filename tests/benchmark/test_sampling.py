import time
from pathlib import Path

from petafit_benchmark.sampling import folder_size, watch_size


def test_all_files_below_a_folder_count(tmp_path: Path) -> None:
    assert folder_size(tmp_path / "not there") == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(bytes(100))
    (tmp_path / "a" / "b" / ".two").write_bytes(bytes(20))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert folder_size(tmp_path) - (tmp_path / "link").lstat().st_size == 120


def test_the_peak_covers_the_whole_block(tmp_path: Path) -> None:
    with watch_size(tmp_path, seconds=0.001) as peak:
        (tmp_path / "large").write_bytes(bytes(1000))
        until = time.monotonic() + 10
        while peak.bytes < 1000 and time.monotonic() < until:
            time.sleep(0.001)
        (tmp_path / "large").unlink()
        (tmp_path / "small").write_bytes(bytes(10))
    assert peak.bytes == 1000


def test_the_end_of_the_block_counts(tmp_path: Path) -> None:
    with watch_size(tmp_path) as peak:
        (tmp_path / "late").write_bytes(bytes(10))
    assert peak.bytes == 10
