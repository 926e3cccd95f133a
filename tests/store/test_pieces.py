"""Content in pieces: the same bytes as in one, and none of them copied."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from petafit.store import disk, remote
from petafit.store.arrays import StateDict, digest, to_bytes, to_pieces
from petafit.store.pieces import PieceFile

CONTENT = StateDict(
    {"w": np.arange(1000.0), "turned": np.arange(6.0).reshape(2, 3).T}, {"alpha": 0.1}
)


@given(st.lists(st.binary(min_size=1)), st.data())
def test_a_piece_file_holds_what_a_file_would(written: list[bytes], data: st.DataObject) -> None:
    pieces, file, starts = PieceFile(), io.BytesIO(), []
    for piece in written:
        starts.append(pieces.tell())
        assert pieces.write(piece) == file.write(piece)
    if written:
        place = data.draw(st.integers(0, len(written) - 1))
        again = data.draw(st.binary(min_size=len(written[place]), max_size=len(written[place])))
        for sink in (pieces, file):
            sink.seek(starts[place])
            sink.write(again)
            assert sink.tell() == starts[place] + len(again)
    assert b"".join(pieces.pieces) == file.getvalue()


def test_an_archive_is_the_same_in_either() -> None:
    pieces, file = PieceFile(), io.BytesIO()
    for sink in (pieces, file):
        with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[arg-type]
            archive.writestr(zipfile.ZipInfo("a"), b"first")
            archive.writestr(zipfile.ZipInfo("b"), b"")
    assert b"".join(pieces.pieces) == file.getvalue()


@pytest.mark.parametrize("name", ["w", "turned"])
def test_values_stay_where_they_are(name: str) -> None:
    held = [np.frombuffer(piece, np.uint8) for piece in to_pieces(CONTENT)]
    assert any(np.shares_memory(CONTENT.arrays[name], piece) for piece in held)


def test_pieces_have_the_digest_of_the_whole() -> None:
    assert digest(to_pieces(CONTENT)) == digest(to_bytes(CONTENT))


def test_pieces_reach_any_storage_whole(tmp_path: Path) -> None:
    disk.replace(tmp_path / "replaced", to_pieces(CONTENT))
    assert disk.create(tmp_path / "created", to_pieces(CONTENT))
    remote.replace(fs.LocalFileSystem(), f"{tmp_path}/remote", to_pieces(CONTENT))
    for name in ("replaced", "created", "remote"):
        assert (tmp_path / name).read_bytes() == to_bytes(CONTENT)
