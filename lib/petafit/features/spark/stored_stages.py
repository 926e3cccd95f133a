"""Validation of fitted stages before Spark loads them, since loading instantiates classes."""

import json
import re
from collections.abc import Collection
from typing import Any

from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoding.stored import reading
from petafit.features.spark.stage_columns import check_statement
from petafit.store.filesystem import Folder

_METADATA = re.compile(r"(.*/)?metadata/part-[^/]*")
_SPARK = re.compile(
    r"pyspark\.ml\.pipeline\.PipelineModel|org\.apache\.spark\.ml\.PipelineModel"
    r"|org\.apache\.spark\.ml\.feature\.\w+|pyspark\.ml\.feature\.\w+"
)
_UID = re.compile(r"[A-Za-z0-9_-]+")


def check_stages(folder: Folder, allowed: Collection[str]) -> None:
    """Refuse stages of classes that the environment does not allow, and SQL of more than columns.

    Parameters
    ----------
    allowed : collection of str
        Classes beside those of Spark, by their full names; what these have fitted is of a class of
        their module, or of their package in Java.

    Raises
    ------
    StorageError
        The files are damaged, or name another class, statement or path.
    """
    names = [name for name in folder.files() if _METADATA.fullmatch(name)]
    if not names:
        raise _foreign(folder, expected="the metadata of a pipeline", got="none")
    modules = {name.rpartition(".")[0] for name in allowed}
    for name in names:
        with reading(f"{folder.uri}/{name}"):
            for line in folder.read(name).splitlines():
                _check(folder, json.loads(line), modules)


def _check(folder: Folder, metadata: dict[str, Any], modules: Collection[str]) -> None:
    kind = metadata["class"]
    params = {**metadata.get("defaultParamMap", {}), **metadata["paramMap"]}
    if not _SPARK.fullmatch(kind) and kind.rpartition(".")[0] not in modules:
        raise _foreign(
            folder,
            expected="stages of Spark's, or of `spark.stages` of the environment",
            got=kind,
            hint="Whoever runs petafit allows a class by `spark.stages`; `petafit score` has it.",
        )
    for uid in params.get("stageUids", []):
        if not _UID.fullmatch(uid):
            raise _foreign(folder, expected="stages within the model's folder", got=uid)
    if isinstance(params.get("statement"), str):
        try:
            check_statement(params["statement"])
        except ConfigurationError as error:
            raise _foreign(folder, expected=error.expected, got=error.got) from error


def _foreign(
    folder: Folder,
    *,
    expected: object,
    got: object,
    hint: str = "Loading them could run foreign code: train the model again.",
) -> StorageError:
    return StorageError(
        f"The fitted stages in {folder.uri} are not allowed",
        expected=expected,
        got=repr(got)[:200],
        hint=hint,
    )
