"""StateDict arrays: to the byte there and back, and never wrong in silence."""

import io
import json
import string
import time
import tracemalloc
import zipfile
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from petafit.errors import StorageError
from petafit.store.arrays import StateDict, digest, from_bytes, to_bytes

names = st.text(string.ascii_letters + "/._- é", min_size=1, max_size=12).filter(
    lambda name: name != "__named__"
)
dtypes = st.sampled_from(["f4", "f8", "i4", "u8", "bool", "U5", "S3", "M8[us]", ">f8"])
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))
params = st.dictionaries(
    names,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda values: st.lists(values, max_size=3) | st.dictionaries(names, values, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)
named = st.builds(StateDict, st.dictionaries(names, arrays, max_size=3), params)


@settings(max_examples=100, deadline=None)
@given(named)
def test_written_arrays_are_read_to_the_same_bytes(written):
    read = from_bytes(to_bytes(written))
    assert read == written
    assert read.arrays.keys() == written.arrays.keys()
    for name, array in written.arrays.items():
        assert read.arrays[name].dtype == array.dtype
        assert read.arrays[name].shape == array.shape
        assert read.arrays[name].tobytes("A") == array.tobytes("A")


@settings(max_examples=50, deadline=None)
@given(named)
def test_the_order_of_names_does_not_matter(written):
    turned = StateDict(
        dict(reversed(written.arrays.items())), dict(reversed(written.params.items()))
    )
    assert to_bytes(turned) == to_bytes(written)


@settings(max_examples=50, deadline=None)
@given(named, named)
def test_parts_come_back_from_a_union_of_prefixes(left, right):
    both = left.prefixed("left") | right.prefixed("right")
    assert both.part("left") == left
    assert both.part("right") == right


def test_the_same_content_gives_the_same_bytes_at_any_time(monkeypatch):
    content = StateDict({"w": np.arange(3.0)}, {"alpha": 0.1})
    now = to_bytes(content)
    later = datetime(2031, 5, 17, 13, 37).timestamp()
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda *_: datetime(2031, 5, 17).timetuple())
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(later)))
    assert to_bytes(content) == now


def test_the_bytes_are_those_of_the_first_release():
    content = StateDict(
        {"a/w": np.array([1.5, -2.0], dtype="<f4")}, {"name": "é", "rounds": [1, 2]}
    )
    assert digest(to_bytes(content)) == (
        "d99e49c02518f09aa68733e4bcb0196de0e69f4ddeebc4caf94e8ab98bb7928d"
    )


def test_numpy_alone_can_read_it():
    written = StateDict({"w": np.arange(6.0).reshape(2, 3), "file": np.array(1)}, {"rounds": 3})
    with np.load(io.BytesIO(to_bytes(written)), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["w"], written.arrays["w"])
        assert (
            archive["__named__"].tobytes() == b'{"arrays": ["file", "w"], "params": {"rounds": 3}}'
        )


def test_memory_order_is_kept_since_later_sums_depend_on_it():
    column_major = StateDict({"w": np.asfortranarray(np.arange(6.0).reshape(2, 3))})
    read = from_bytes(to_bytes(column_major))
    assert read.arrays["w"].flags.f_contiguous


def test_every_truncation_is_noticed():
    content = to_bytes(StateDict({"w": np.arange(4.0)}, {"alpha": 0.1}))
    for length in range(len(content)):
        with pytest.raises(StorageError, match="damaged"):
            from_bytes(content[:length])


def flipped(content, positions):
    for position in positions:
        for bit in range(8):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            yield bytes(damaged)


def test_every_flipped_bit_of_the_values_is_noticed():
    values = np.arange(4.0)
    content = to_bytes(StateDict({"w": values}, {"alpha": 0.1}))
    for part in (values.tobytes(), b'"alpha": 0.1'):
        start = content.index(part)
        for damaged in flipped(content, range(start, start + len(part))):
            with pytest.raises(StorageError, match="damaged"):
                from_bytes(damaged)


def test_no_flipped_bit_of_the_container_gives_other_content():
    written = StateDict({"w": np.arange(4.0)}, {"alpha": 0.1})
    content = to_bytes(written)
    for damaged in flipped(content, range(len(content))):
        try:
            read = from_bytes(damaged)
        except StorageError:
            continue
        assert read == written  # a date or an attribute of the archive, which says nothing


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive", bytes(1000)])
def test_foreign_bytes_are_refused(content):
    with pytest.raises(StorageError, match="not written by petafit"):
        from_bytes(content)


def test_an_archive_without_parameters_is_refused():
    sink = io.BytesIO()
    np.savez(sink, w=np.zeros(2))
    with pytest.raises(StorageError, match="__named__"):
        from_bytes(sink.getvalue())


def test_objects_are_refused_on_the_way_out_and_in():
    with pytest.raises(StorageError, match="'w' cannot be stored"):
        to_bytes(StateDict({"w": np.array([{}], dtype=object)}))
    sink = io.BytesIO()
    np.savez(sink, w=np.array([{}], dtype=object))
    with pytest.raises(StorageError, match="damaged"):
        from_bytes(sink.getvalue())


def test_parameters_without_a_json_form_are_refused():
    with pytest.raises(StorageError, match="JSON"):
        to_bytes(StateDict(params={"when": datetime(2013, 1, 1)}))


def test_the_name_of_the_parameters_is_taken():
    with pytest.raises(StorageError, match="__named__"):
        to_bytes(StateDict({"__named__": np.zeros(1)}))


def test_equality_and_hash_go_by_content():
    assert StateDict({"w": np.ones(2)}) == StateDict({"w": np.ones(2)})
    assert hash(StateDict({"w": np.ones(2)})) == hash(StateDict({"w": np.ones(2)}))
    assert StateDict({"w": np.ones(2)}) != StateDict({"w": np.ones(2, dtype="f4")})
    assert StateDict() != 0


def repacked(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The bytes of `to_bytes` with other members."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def as_npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def head(names: list[str], params: object = None) -> tuple[str, bytes]:
    written_head = json.dumps({"arrays": names, "params": {} if params is None else params})
    return "__named__.npy", as_npy(np.frombuffer(written_head.encode(), np.uint8))


def absurd(shape: str, dtype: str = "<f4") -> bytes:
    """A header with a larger size than the file's."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(64)


@pytest.mark.parametrize(
    "member",
    [
        absurd("(10**12,)"),
        absurd("(1000000000000,)"),
        absurd("(1000000, 1000000)"),
        absurd("(-16,)"),
        absurd("(-4, -4)"),
        absurd("(4,)"),
        absurd("(True, 16)"),
        absurd("(16,)", "|O"),
        absurd("(1000000000000,)", "|V0"),
        absurd("'x'"),
        absurd("(16,"),
        b"\x93NUMPY\x02\x00" + absurd("(16,)")[8:],
        b"PK\x03\x04",
        b"",
    ],
    ids=range(14),
)
def test_a_header_is_not_believed(member):
    tracemalloc.start()
    with pytest.raises(StorageError, match="cannot be read"):
        from_bytes(repacked(head(["a"]), ("a.npy", member)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_compressed_members_are_refused():
    bomb = repacked(
        head(["a"]), ("a.npy", as_npy(np.zeros(10_000_000))), compression=zipfile.ZIP_DEFLATED
    )
    assert len(bomb) < 200_000
    tracemalloc.start()
    with pytest.raises(StorageError, match="compressed"):
        from_bytes(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused():
    twice = ("a.npy", as_npy(np.zeros(1)))
    with pytest.raises(StorageError, match="two arrays of one name"):
        from_bytes(repacked(head(["a"]), twice, twice))


@pytest.mark.parametrize(
    "written_head",
    [b"[]", b"3", b"null", b'{"arrays": []}', b'{"arrays": [], "params": 3}', b"{", b"[" * 9999],
)
def test_a_head_of_another_form_is_refused(written_head):
    with pytest.raises(StorageError, match="cannot be read"):
        from_bytes(repacked(("__named__.npy", as_npy(np.frombuffer(written_head, np.uint8)))))


@pytest.mark.parametrize("order", ["C", "F"])
def test_reading_holds_each_array_once(order):
    """Beside the bytes that are read; an array may be changed, and is laid out as it was."""
    weights = np.asarray(np.ones((2_000, 1_000), np.float32), order=order)
    content = to_bytes(StateDict({"weights": weights, "none": np.empty((0, 3), order=order)}))
    tracemalloc.start()
    try:
        found = from_bytes(content).arrays["weights"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * weights.nbytes
    assert found.flags.writeable
    assert found.flags.aligned
    assert found.flags[f"{order}_CONTIGUOUS"]
