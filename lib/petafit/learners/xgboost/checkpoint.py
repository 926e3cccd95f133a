"""The trees so far, in the run folder: what a killed training goes on from."""

import logging
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from petafit.errors import StorageError
from petafit.learners.xgboost.package import xgboost_package
from petafit.learners.xgboost.parameters import best_rounds
from petafit.store.arrays import StateDict, from_bytes, to_buffers
from petafit.store.filesystem import Folder

log = logging.getLogger("petafit")

_NAME = "trees.npz"


@dataclass(frozen=True)
class TreesSoFar:
    """The trees of the first rounds of boosting.

    Attributes
    ----------
    content : bytes
        XGBoost's UBJSON; empty before the first round.
    losses : tuple of float
        The loss on the validation rows after each round; empty without such rows.
    seconds : float
        Time spent on these rounds.
    """

    content: bytes = b""
    rounds: int = 0
    losses: tuple[float, ...] = field(default=())
    seconds: float = 0.0

    def write(self, folder: Folder) -> None:
        """Write them into a folder, in place of earlier ones."""
        arrays = {"trees": np.frombuffer(self.content, np.uint8)}
        params = {"rounds": self.rounds, "losses": list(self.losses), "seconds": self.seconds}
        folder.write(_NAME, to_buffers(StateDict(arrays, params)), durable=False)

    @classmethod
    def read(cls, folder: Folder) -> Self:
        """Read what `write` left; nothing if there is nothing, or it is damaged."""
        if not folder.exists(_NAME):
            return cls()
        try:
            named = from_bytes(folder.read(_NAME))
            known = named.params
            return cls(
                named.arrays["trees"].tobytes(),
                int(known["rounds"]),
                tuple(map(float, known["losses"])),
                float(known["seconds"]),
            )
        except (StorageError, LookupError, TypeError, ValueError):
            log.warning("%s/%s is damaged: the trees are grown anew", folder.uri, _NAME)
            folder.remove(_NAME)
            return cls()

    def best(self) -> bytes:
        """Return the trees of the rounds with the least loss on the validation rows, or of all."""
        if not self.losses or best_rounds(self.losses) == self.rounds:
            return self.content
        booster = xgboost_package().Booster(model_file=bytearray(self.content))
        return bytes(booster[: best_rounds(self.losses)].save_raw("ubj"))
