"""Questions to every executor: what it runs on, and whether it is like the driver."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_TASKS_PER_SLOT = 2
_ANSWER = "answer string"


def ask_executors(
    session: "SparkSession", folders: list[str], *, slots: int
) -> list[dict[str, Any]]:
    """Return what each executor says of itself, by its name.

    The question travels as source, so that workers without petafit can answer, too.

    Parameters
    ----------
    folders : list of str
        URIs that each writes a file to, and removes it again.
    """
    from pyspark import cloudpickle

    by_value: Any = cloudpickle
    module = _this_module()
    by_value.register_pickle_by_value(module)
    try:
        tasks = slots * _TASKS_PER_SLOT
        frame = session.range(tasks, numPartitions=tasks).mapInArrow(
            partial(_answers, folders), _ANSWER
        )
        rows = frame.collect()
    finally:
        by_value.unregister_pickle_by_value(module)
    answers = [json.loads(row.answer) for row in rows]
    return list({answer["executor"]: answer for answer in answers}.values())


def _this_module() -> ModuleType:
    return sys.modules[__name__]


def _answers(folders: list[str], batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    """Answer once per task; imports only what a worker may be asked for."""
    import json
    import os
    import platform
    import socket
    import time
    from importlib import metadata

    import pyarrow as pa
    from pyspark import SparkFiles

    for _ in batches:
        pass
    time.sleep(0.2)  # so that no executor takes the tasks of all
    answer: dict[str, Any] = {
        "executor": f"{socket.gethostname()} {SparkFiles.getRootDirectory()}",
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }
    for name in ("petafit", "pyarrow", "numpy", "pandas", "scikit-learn", "numba"):
        try:
            answer[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            answer[name] = None
    try:
        from petafit.compiled.ahead import compiled_ahead
        from petafit.store.trial import trial
        from petafit.store.versions import code_digest

        answer["code"] = code_digest()[:12]
        answer["kernels"] = compiled_ahead()
        answer["folders"] = {folder: trial(folder) for folder in folders}
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    yield pa.record_batch([pa.array([json.dumps(answer)])], names=["answer"])
