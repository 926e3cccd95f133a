"""A model on its way to other processes, each of which loads it once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from petafit.errors import StorageError
from petafit.functions.derivation import Derivation
from petafit.models.content import read_content
from petafit.models.manifest import ModelVersion
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict, digest, from_bytes, to_buffers
from petafit.store.filesystem import Folder

MOST_BYTES = 16 << 20
"""Larger models are sent by their address."""

Build: TypeAlias = Callable[[StateDict, ModelVersion | None, Derivation | None], Signature]
"""Makes a model of its content, its version, and the columns that it takes from functions."""


@dataclass(frozen=True)
class PortableModel:
    """A model in the form in which it is pickled.

    A small one carries its content, and so reaches machines that cannot read the model store, such
    as a Spark Connect server. A larger one carries the address of its folder and the digests of its
    files, since what a task's closure carries is sent with every query, and Spark Connect limits
    it.

    Attributes
    ----------
    key : tuple of str
        Digests of the content and of the module of functions, and where it was published.
    content : bytes or None
        None: it is read from `folder`.
    folder : Folder or None
        Of the published content; takes the address of an object store along.
    build : callable
        Importable by its name.
    """

    key: tuple[str, ...]
    content: bytes | None = field(compare=False, repr=False)
    folder: Folder | None = field(compare=False)
    build: Build = field(compare=False)
    version: ModelVersion | None = field(compare=False)
    derivation: Derivation | None = field(compare=False)

    @classmethod
    def of(
        cls,
        model: Signature,
        build: Build,
        version: ModelVersion | None = None,
        derivation: Derivation | None = None,
    ) -> "PortableModel":
        """Return the portable form of a model."""
        buffers = to_buffers(model.to_state_dict())
        small = sum(buffer.nbytes for buffer in buffers) <= MOST_BYTES
        by_address = version is not None and version.kind == "arrays" and not small
        module = derivation.module.digest if derivation else ""
        place = (version.folder, version.name, str(version.version)) if version else ()
        return cls(
            key=(digest(buffers), module, *place),
            content=None if by_address else b"".join(buffers),
            folder=Folder(version.folder) if version and by_address else None,
            build=build,
            version=version,
            derivation=derivation,
        )

    def load(self) -> Signature:
        """Return the model; a process loads it at the first call.

        Raises
        ------
        StorageError
            This machine cannot read the model, or it was changed.
        """
        return _loaded(self)


@lru_cache(maxsize=4)
def _loaded(sent: PortableModel) -> Signature:
    if sent.content is not None:
        return sent.build(from_bytes(sent.content), sent.version, sent.derivation)
    assert sent.folder is not None
    assert sent.version is not None  # only published models have an address
    try:
        named = read_content(sent.folder, sent.version.files)
    except StorageError as error:
        raise StorageError(
            f"This machine cannot read the model {sent.version.name!r}",
            got=str(error),
            hint="On a cluster `paths.models` must be storage that all machines share.",
        ) from error
    return sent.build(named, sent.version, sent.derivation)
