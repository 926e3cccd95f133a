"""Shards in pieces: every batch in one of them, whatever the cuts, and none decoded in vain."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petafit.stream.batches import Tally
from petafit.stream.direct import DirectSource
from petafit.stream.parquet import slices as module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """700 rows in files of row groups of 100, 30 and 1 rows."""
    root = tmp_path_factory.mktemp("pieces")
    begin = 0
    for number, (rows, group) in enumerate([(350, 100), (200, 30), (150, 1)]):
        table = pa.table({"id": range(begin, begin + rows)})
        pq.write_table(table, root / f"{number}.parquet", row_group_size=group)
        begin += rows
    return root


def ids(source: DirectSource, shard: int, piece: int, skip: int = 0) -> list[list[int]]:
    return [b.column("id").to_pylist() for b in source.read(shard, piece=piece, skip=skip)]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    inner=st.lists(st.floats(0, 1), max_size=5),
    shards=st.integers(1, 3),
    batch_rows=st.integers(1, 120),
    skip=st.integers(0, 3),
)
def test_pieces_together_are_the_shard(
    folder: Path, direct: Any, inner: list[float], shards: int, batch_rows: int, skip: int
) -> None:
    whole = direct(folder, shards=shards, batch_rows=batch_rows)
    cut = whole.cut((0.0, *sorted(inner), 1.0))
    for shard in range(whole.shards):
        pieces = [ids(cut, shard, piece) for piece in cut.pieces]
        assert [batch for piece in pieces for batch in piece] == ids(whole, shard, 0)
        assert ids(cut, shard, len(pieces) - 1, skip) == pieces[-1][skip:]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    inner=st.lists(st.floats(0, 1), max_size=3),
    shards=st.integers(1, 3),
    batch_rows=st.integers(1, 120),
    least=st.integers(-1, 701),
    skip=st.integers(0, 2),
)
def test_whatever_the_conditions_all_rows_are_counted(
    folder: Path, direct: Any, inner: list[float], shards: int, batch_rows: int, **drawn: int
) -> None:
    whole = direct(folder, f"id >= {drawn['least']}", shards=shards, batch_rows=batch_rows)
    for source in (whole, whole.cut((0.0, *sorted(inner), 1.0))):
        tally = Tally()
        for shard in range(source.shards):
            for piece in source.pieces:
                list(source.read(shard, piece=piece, skip=drawn["skip"], tally=tally))
        assert tally == Tally(700, 700, source.shards * len(source.pieces))


def test_a_piece_has_its_share_of_the_batches(folder: Path, direct: Any) -> None:
    cut = direct(folder, batch_rows=10).cut((0.0, 0.25, 1.0))
    sizes = [len(ids(cut, 0, piece)) for piece in cut.pieces]
    assert sizes[0] / sum(sizes) == pytest.approx(0.25, abs=0.01)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The row groups that a test decodes, in order."""
    groups, read = [], module.read_row_group

    def noted(file: Any, group: int, **options: Any) -> Any:
        groups.append(group)
        return read(file, group, **options)

    monkeypatch.setattr(module, "read_row_group", noted)
    return groups


def test_row_groups_of_other_pieces_are_not_decoded(
    folder: Path, direct: Any, decoded: list[int]
) -> None:
    cut = direct(folder, batch_rows=100).cut((0.0, 0.01, 1.0))
    assert len(ids(cut, 0, 0)) == 2
    assert decoded == [0, 1]


def test_row_groups_without_chosen_rows_are_not_decoded_and_do_not_count(
    folder: Path, direct: Any, decoded: list[int]
) -> None:
    """Of 0-99, 100-199, 200-299, 300-349, ... the first two meet ``id < 150``."""
    cut = direct(folder, "id < 150", batch_rows=50).cut((0.0, 0.75, 1.0))
    assert [len(batch) for batch in ids(cut, 0, 0)] == [50, 50, 50]
    assert ids(cut, 0, 1) == []  # the fourth batch: 150-199
    assert decoded == [0, 1, 1]


def test_a_partition_column_is_not_what_the_file_says_of_it(tmp_path: Path, direct: Any) -> None:
    (tmp_path / "day=2").mkdir()
    pq.write_table(pa.table({"id": [1, 2], "day": [7, 7]}), tmp_path / "day=2" / "0.parquet")
    assert ids(direct(tmp_path, "day < 3"), 0, 0) == [[1, 2]]
    assert ids(direct(tmp_path, "day < 3").cut((0.0, 1.0, 1.0)), 0, 0) == [[1, 2]]
    assert ids(direct(tmp_path, "day > 3"), 0, 0) == []


def test_other_pieces_are_another_source(folder: Path, direct: Any) -> None:
    whole = direct(folder)
    cut = whole.cut((0.0, 0.5, 1.0))
    sources = [whole, cut, cut.only(range(1)), cut.only(range(1, 2)), whole.cut((0.0, 0.4, 1.0))]
    assert len({source.identity for source in sources}) == len(sources)
