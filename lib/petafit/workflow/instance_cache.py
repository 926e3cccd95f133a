"""The cache of encoded rows that a training asks for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from petafit.errors import only_logged
from petafit.features.cache import InstanceCache
from petafit.store.arrays import digest
from petafit.stream.batches import Source
from petafit.workflow.job import Job

log = logging.getLogger("petafit")


@contextmanager
def open_cache(job: Job, source: Source, *, passes: int) -> Iterator[InstanceCache | None]:
    """Open the cache that the settings ask for; its files are removed in the end, come what may.

    There is none for a single pass, and none for rows that Spark's scan deals anew in every pass.
    """
    limit = job.settings.training.cache
    if limit is None or passes == 1:
        yield None
        return
    if not source.frozen:
        log.info("training.cache is not used: Spark's scan deals the rows anew in every round")
        yield None
        return
    key = digest(f"{job.passes.inputs} {source.identity}".encode())
    name = f"{job.run.run_id}-{key[:16]}"
    cache = InstanceCache(name, limit, job.settings.paths.cache)
    try:
        yield cache
    except BaseException:
        with only_logged(f"removing the instance cache {name}"):
            job.engine.everywhere(cache.remove)
        raise
    job.engine.everywhere(cache.remove)
