"""Written plans: read as they were written, each shard alone, and refused where they changed."""

import datetime
from decimal import Decimal

import pytest

from petafit.errors import StorageError
from petafit.store.filesystem import Folder
from petafit.table.filters.predicate import parse
from petafit.table.plans import open_plan, write_plan
from petafit.table.shards import plan
from tests.table.test_shards import table

MIB = 1 << 20
ALL = parse([])
PARTITIONS = [
    {},
    {"p": None},
    {"p": "a%20b ü", "n": 2**40, "day": datetime.date(2020, 1, 1), "late": True},
    {"amount": Decimal("1.50"), "f": 0.1, "then": datetime.datetime(2020, 1, 1, 1, 2, 3)},
    {"instant": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)},
]


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_plan_is_read_as_it_was_written(tmp_path, kind, partition):
    folder = Folder(tmp_path)
    empty = dict.fromkeys(partition)
    snapshot = table([5000, 3 * MIB, 0], kind=kind, partitions=[partition, empty, partition])
    planned = plan(snapshot, shards=4, predicate=ALL)
    written = write_plan(folder, "plan.arrow", planned)
    assert written.digest == write_plan(folder, "again.arrow", planned).digest
    assert written == open_plan(folder, "plan.arrow", written.digest)
    assert tuple(map(written.read, range(written.shards))) == planned


def test_a_plan_without_files_is_one_empty_shard(tmp_path):
    planned = plan(table([]), shards=4, predicate=ALL)
    assert write_plan(Folder(tmp_path), "plan.arrow", planned).read(0) == ()


def test_only_the_shards_own_part_of_the_plan_is_read(tmp_path):
    folder = Folder(tmp_path)
    planned = plan(table([100] * 3), shards=3, predicate=ALL)
    written = write_plan(folder, "plan.arrow", planned)
    content = (tmp_path / "plan.arrow").read_bytes()
    damaged = content.replace(b"/table/0000.parquet", b"\xff" * 19)
    assert damaged != content
    (tmp_path / "plan.arrow").write_bytes(damaged)
    assert written.read(2) == planned[2]
    with pytest.raises(StorageError, match="not what was written"):
        written.read(0)


def written_in(folder, *, shards=3):
    return write_plan(folder, "plan.arrow", plan(table([100] * shards), shards=3, predicate=ALL))


def outcomes(folder, written):
    """Slices of a plan, or the error, for workers and for the driver."""
    try:
        open_plan(folder, written.name, written.digest)
    except StorageError:
        yield None
    for number in range(written.shards):
        try:
            yield number, written.read(number)
        except StorageError:
            yield None


def test_no_flipped_bit_gives_other_slices(tmp_path):
    folder = Folder(tmp_path)
    written = written_in(folder)
    whole = (tmp_path / "plan.arrow").read_bytes()
    right = [(number, written.read(number)) for number in range(3)]
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        (tmp_path / "plan.arrow").write_bytes(flipped)
        found = [each for each in outcomes(folder, written) if each]
        assert all(each in right for each in found), place


@pytest.mark.parametrize("name", ["train", "other table"])
def test_another_plan_than_the_written_one_is_refused(tmp_path, name):
    folder = Folder(tmp_path)
    written = written_in(folder)
    written_in(folder, shards=2 if name == "train" else 4)
    with pytest.raises(StorageError, match=r"plan\.arrow is not what was written.*new run id"):
        open_plan(folder, "plan.arrow", written.digest)
    with pytest.raises(StorageError, match="is not what was written"):
        written.read(0)


@pytest.mark.parametrize("damage", ["missing", "truncated", "number"])
def test_a_plan_that_cannot_be_read_is_named(tmp_path, damage):
    folder = Folder(tmp_path)
    written = written_in(folder)
    if damage == "missing":
        folder.remove("plan.arrow")
    elif damage == "truncated":
        content = (tmp_path / "plan.arrow").read_bytes()
        (tmp_path / "plan.arrow").write_bytes(content[: len(content) // 2])
    with pytest.raises(StorageError, match=r"plan\.arrow cannot be read"):
        written.read(3)
