"""Content as buffers: the same bytes as in one, and none of them copied."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from petafit.store import disk, remote
from petafit.store.arrays import StateDict, digest, to_buffers, to_bytes
from petafit.store.npz import BufferFile

CONTENT = StateDict(
    {"w": np.arange(1000.0), "turned": np.arange(6.0).reshape(2, 3).T}, {"alpha": 0.1}
)


@given(st.lists(st.binary(min_size=1)), st.data())
def test_a_buffer_file_has_the_content_of_a_file(written: list[bytes], data: st.DataObject) -> None:
    buffers, file, starts = BufferFile(), io.BytesIO(), []
    for buffer in written:
        starts.append(buffers.tell())
        assert buffers.write(buffer) == file.write(buffer)
    if written:
        place = data.draw(st.integers(0, len(written) - 1))
        again = data.draw(st.binary(min_size=len(written[place]), max_size=len(written[place])))
        for sink in (buffers, file):
            sink.seek(starts[place])
            sink.write(again)
            assert sink.tell() == starts[place] + len(again)
    assert b"".join(buffers.buffers) == file.getvalue()


def test_an_archive_is_the_same_in_either() -> None:
    buffers, file = BufferFile(), io.BytesIO()
    for sink in (buffers, file):
        with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[arg-type]
            archive.writestr(zipfile.ZipInfo("a"), b"first")
            archive.writestr(zipfile.ZipInfo("b"), b"")
    assert b"".join(buffers.buffers) == file.getvalue()


@pytest.mark.parametrize("name", ["w", "turned"])
def test_values_stay_where_they_are(name: str) -> None:
    held = [np.frombuffer(buffer, np.uint8) for buffer in to_buffers(CONTENT)]
    assert any(np.shares_memory(CONTENT.arrays[name], buffer) for buffer in held)


def test_buffers_have_the_digest_of_the_whole() -> None:
    assert digest(to_buffers(CONTENT)) == digest(to_bytes(CONTENT))


def test_buffers_reach_any_storage_whole(tmp_path: Path) -> None:
    disk.replace(tmp_path / "replaced", to_buffers(CONTENT))
    assert disk.create(tmp_path / "created", to_buffers(CONTENT))
    remote.replace(fs.LocalFileSystem(), f"{tmp_path}/remote", to_buffers(CONTENT))
    for name in ("replaced", "created", "remote"):
        assert (tmp_path / name).read_bytes() == to_bytes(CONTENT)
