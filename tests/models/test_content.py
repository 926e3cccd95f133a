"""A model's content: digests that cover every file, and nothing left of what failed."""

from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from petafit.errors import StorageError
from petafit.models.content import content_digest, read_content, write_content
from petafit.store.arrays import StateDict, digest, to_bytes
from petafit.store.filesystem import Folder

SMALL = StateDict({"w": np.arange(3.0)}, {"alpha": 0.5})
OTHER = StateDict({"w": np.arange(4.0)}, {"alpha": 0.5})


@pytest.fixture(params=["renames", "object store"])
def objects(request, tmp_path, monkeypatch):
    if request.param == "renames":
        return Folder(tmp_path / "objects")
    monkeypatch.setattr(Folder, "can_rename", False)
    monkeypatch.delattr(Folder, "rename")
    return Folder(f"mock://{uuid4().hex}/objects")


def attach(**files):
    """An attachment as Spark writes it, hidden checksum files included."""

    def write(uri):
        for name, content in files.items():
            Folder(uri).write(f"stages/{name}", content.encode())
            Folder(uri).write(f"stages/.{name}.crc", b"checksum")

    return {"attachment": write}


def test_arrays_alone_lie_under_their_own_digest(objects):
    content = write_content(objects, SMALL, {})
    assert content.folder == content_digest(content.files) == digest(to_bytes(SMALL))
    assert content.is_new
    assert not write_content(objects, SMALL, {}).is_new
    assert objects.files() == [f"{content.folder}/model.npz"]
    assert read_content(objects.child(content.folder), content.files) == SMALL


def test_an_attachment_lies_beside_the_arrays(objects):
    content = write_content(objects, SMALL, attach(a="1", b="2"))
    assert sorted(content.files) == ["attachment/stages/a", "attachment/stages/b", "model.npz"]
    assert objects.read(f"{content.folder}/attachment/stages/b") == b"2"
    assert read_content(objects.child(content.folder), content.files) == SMALL


def test_every_file_counts_in_the_digest(objects):
    cases = [(SMALL, {"a": "1"}), (SMALL, {"a": "2"}), (SMALL, {"b": "1"}), (OTHER, {"a": "1"})]
    contents = [write_content(objects, named, attach(**files)) for named, files in cases]
    assert len({content_digest(content.files) for content in contents}) == 4
    again = write_content(objects, SMALL, attach(a="1"))
    assert content_digest(again.files) == content_digest(contents[0].files)
    assert read_content(objects.child(again.folder), again.files) == SMALL


def test_the_digest_can_be_recomputed_with_sha256sum(tmp_path):
    objects = Folder(tmp_path)
    content = write_content(objects, SMALL, attach(a="1", b="2"))
    listing = "".join(f"{content.files[name]}  {name}\n" for name in sorted(content.files))
    assert content_digest(content.files) == digest(listing.encode())


def test_staged_folders_get_their_digest_as_name_where_they_can_be_renamed(tmp_path):
    objects = Folder(tmp_path)
    first = write_content(objects, SMALL, attach(a="1"))
    second = write_content(objects, SMALL, attach(a="1"))
    assert objects.names() == [first.folder] == [content_digest(first.files)]
    assert (first.is_new, second.is_new) == (True, False)


def test_a_flipped_bit_is_refused(tmp_path):
    content = write_content(Folder(tmp_path), SMALL, {})
    path = tmp_path / content.folder / "model.npz"
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    with pytest.raises(
        StorageError, match=r"model\.npz differs from what was published; expected dig"
    ):
        read_content(Folder(path.parent), content.files)


def test_missing_arrays_are_refused(objects):
    content = write_content(objects, SMALL, {})
    objects.remove(content.folder)
    with pytest.raises(StorageError, match=r"Cannot read .*model\.npz"):
        read_content(objects.child(content.folder), content.files)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("stages/b", r"attachment/stages/b differs from what was published"),
        ("stages/c", r"does not hold what its manifest lists"),
        ("d", r"does not hold what its manifest lists"),
    ],
)
def test_a_changed_or_added_file_is_refused(objects, changed, message):
    content = write_content(objects, SMALL, attach(a="1", b="2"))
    objects.write(f"{content.folder}/attachment/{changed}", b"evil")
    with pytest.raises(StorageError, match=message):
        read_content(objects.child(content.folder), content.files)


def test_a_missing_file_is_refused(objects):
    content = write_content(objects, SMALL, attach(a="1", b="2"))
    objects.remove(f"{content.folder}/attachment/stages/b")
    with pytest.raises(StorageError, match="does not hold what its manifest lists"):
        read_content(objects.child(content.folder), content.files)


def test_an_attachment_added_to_arrays_alone_is_refused(objects):
    content = write_content(objects, SMALL, {})
    objects.write(f"{content.folder}/attachment/evil", b"evil")
    with pytest.raises(StorageError, match="does not hold what its manifest lists"):
        read_content(objects.child(content.folder), content.files)


def test_an_attachment_that_fails_leaves_nothing(objects):
    def fail(uri):
        attach(a="1")["attachment"](uri)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_content(objects, SMALL, {"attachment": fail})
    with pytest.raises(StorageError, match=r"No files were written.*all machines share"):
        write_content(objects, SMALL, {"attachment": lambda uri: None})
    assert objects.files() == []


def test_spark_is_given_a_uri_of_its_own_kind(tmp_path):
    given = []
    with pytest.raises(StorageError, match="No files were written"):
        write_content(Folder(tmp_path / "my models"), SMALL, {"attachment": given.append})
    (uri,) = given
    assert uri.startswith(f"file://{tmp_path}/my models/staging-")
    assert not Path(uri.removeprefix("file://")).exists()
