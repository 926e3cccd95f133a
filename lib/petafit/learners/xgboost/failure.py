"""The failure of one worker of a group, told to the others and to the driver by a file.

XGBoost's own word of it may be lost: a worker that is just about to wait for the others' sums would
then wait for half an hour.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from petafit.aggregate.heartbeat import repeating
from petafit.errors import LostWorkerError, PetafitError, from_fields, to_fields
from petafit.store.filesystem import Folder

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
    def shared(self) -> Iterator[None]:
        """Tell an error of this worker, and end its process where another worker has failed.

        What waits in XGBoost's library cannot be interrupted in another way.
        """
        with repeating(self._end_with_the_others, seconds=_LOOK_SECONDS, name="petafit-failure"):
            try:
                yield
            except LostWorkerError:
                raise  # of which another worker tells the cause
            except PetafitError as error:
                self._own = True
                self._folder.write_json(self._name, to_fields(error), durable=False)
                raise

    def reported(self) -> PetafitError | None:
        """Return the error that a worker told; None if there is none."""
        if not self._folder.exists(self._name):
            return None
        return from_fields(self._folder.read_json(self._name))

    def _end_with_the_others(self) -> None:
        if not self._own and self._folder.exists(self._name):
            os._exit(1)
