"""The failure of one worker of a group, told to the others and to the driver by a file.

XGBoost's own word of it may be lost: a worker that is just about to wait for the others' sums would
then wait for half an hour.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from petafit.aggregate.heartbeat import repeating
from petafit.errors import (
    LostWorkerError,
    PetafitError,
    StorageError,
    from_fields,
    only_logged,
    to_fields,
)
from petafit.store.filesystem import Folder

log = logging.getLogger("petafit")

_LOOK_SECONDS = 1.0


class GroupFailure:
    """The error that ended one launch of a group.

    Parameters
    ----------
    folder : Folder
        Which the driver and all workers reach.
    launch : str
        Differs from that of every other launch.
    """

    def __init__(self, folder: Folder, launch: str) -> None:
        self._folder = folder
        self._name = f"failed-{launch}.json"
        self._own = False

    @contextmanager
    def shared(self, scratch: str | None = None) -> Iterator[None]:
        """Tell an error of this worker, and end its process where another worker has failed.

        What waits in XGBoost's library cannot be interrupted in another way.

        Parameters
        ----------
        scratch : str, optional
            A local folder that goes with the process.
        """
        follow = partial(self._end_with_the_others, scratch)
        with repeating(follow, seconds=_LOOK_SECONDS, name="petafit-failure"):
            try:
                yield
            except LostWorkerError:
                raise  # of which another worker tells the cause
            except PetafitError as error:
                self._own = True
                with only_logged("telling the other workers"):
                    self._folder.write_json(self._name, to_fields(error), durable=False)
                raise

    def reported(self) -> PetafitError | None:
        """Return the error that a worker told; None if there is none, or its file is damaged."""
        if not self._folder.exists(self._name):
            return None
        try:
            return from_fields(self._folder.read_json(self._name))
        except (StorageError, LookupError, TypeError):
            log.warning("%s/%s, what ended a worker, is damaged", self._folder.uri, self._name)
            return None

    def _end_with_the_others(self, scratch: str | None) -> None:
        with suppress(StorageError):  # out of reach: the next look may find it
            if not self._own and self._folder.exists(self._name):
                if scratch is not None:
                    shutil.rmtree(scratch, ignore_errors=True)
                os._exit(1)
