"""The estimator of a pipeline that Spark stored, read without Spark."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from petafit.features.encoding.stored import reading
from petafit.learners.mllib.files import stored_tables
from petafit.store.filesystem import Folder


@dataclass(frozen=True)
class StoredEstimator:
    """The last stage of a stored pipeline.

    Attributes
    ----------
    name : str
        Its class, as in ``LogisticRegressionModel``.
    params : mapping of str to object
        Its parameters, and the defaults of others.
    extra : mapping of str to object
        What its class stores besides, as in ``numFeatures``.
    folder : Folder
    """

    name: str
    params: Mapping[str, Any]
    extra: Mapping[str, Any]
    folder: Folder

    def table(self, name: str) -> pa.Table:
        """Read a table of the stage by its folder, as in ``data``."""
        return pa.concat_tables(table for _, table in stored_tables(self.folder.child(name)))


def read_estimator(folder: Folder) -> StoredEstimator:
    """Read the estimator of a pipeline, which `petafit.learners.mllib.files` has checked.

    Raises
    ------
    StorageError
        The files are damaged, or not those of a pipeline.
    """
    with reading(f"Spark's model in {folder.uri}"):
        last = _metadata(folder)["paramMap"]["stageUids"][-1]
        stages = {name.partition("/")[0] for name in folder.child("stages").files()}
        (stage,) = (name for name in stages if name.endswith(f"_{last}"))
        found = folder.child("stages").child(stage)
        metadata = _metadata(found)
        params = {**metadata["defaultParamMap"], **metadata["paramMap"]}
        return StoredEstimator(metadata["class"].rpartition(".")[2], params, metadata, found)


def _metadata(folder: Folder) -> dict[str, Any]:
    names = [name for name in folder.files() if name.startswith("metadata/part-")]
    read: dict[str, Any] = json.loads(folder.read(names[0]))
    return read
