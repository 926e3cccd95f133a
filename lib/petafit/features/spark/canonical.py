"""The files of fitted stages without the ids and times that differ in every training.

Equal trainings then write equal files, and publish models of equal digests.
"""

import json
import re
from collections.abc import Mapping

from petafit.store.filesystem import Folder

_METADATA = re.compile(r"(?:.*/)?metadata/part-[^/]*")
_PART = re.compile(r"(part-\d+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RANDOM = re.compile(r"_[0-9a-f]{12}$")


def write_canonical(written: Folder, target: Folder) -> None:
    """Copy stages that Spark has written, numbered instead of named at random.

    Spark reads both alike: an id names a stage's folder, and the defaults of its outputs.
    """
    names = written.files()
    numbers = _numbers(written, [name for name in names if _METADATA.fullmatch(name)])
    for name in names:
        content = written.read(name)
        if _METADATA.fullmatch(name):
            content = b"".join(map(_ordered, content.splitlines()))
            for old, new in numbers.items():
                content = content.replace(old.encode(), new.encode())
        target.write(_PART.sub(r"\1", _renamed(name, numbers)), content)


def _ordered(line: bytes) -> bytes:
    """Return metadata without its time, in one order: Spark 3.5 writes parameters in any."""
    known = json.loads(line) | {"timestamp": 0}
    return json.dumps(known, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _numbers(written: Folder, metadata: list[str]) -> Mapping[str, str]:
    """Return a new id for each that Spark drew, numbered in the order of the stages."""
    found: dict[str, str] = {}
    for name in sorted(metadata, key=_place):
        for line in written.read(name).splitlines():
            uid = json.loads(line)["uid"]
            if _RANDOM.search(uid):  # else it was given, and could be a word of the files
                found.setdefault(uid, _RANDOM.sub("", uid) + f"_{len(found)}")
    return found


def _place(name: str) -> tuple[int, ...]:
    """Return the place of a stage in its pipeline, that of pipelines within it behind."""
    return tuple(int(number) for number in re.findall(r"(?:^|/)stages/(\d+)_", name))


def _renamed(name: str, numbers: Mapping[str, str]) -> str:
    for old, new in numbers.items():
        name = name.replace(old, new)
    return name
