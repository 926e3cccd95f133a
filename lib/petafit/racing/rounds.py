"""The rounds of a search: candidates race on growing parts of the rows, and some are dropped."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from petafit.aggregate.checked import Checked
from petafit.aggregate.engine import Passes
from petafit.errors import ConfigurationError, StorageError
from petafit.evaluation.metrics import Metrics
from petafit.features.instances import EncodedRows, Encoding
from petafit.racing.candidate import Candidate
from petafit.racing.confidence import FEWEST_ROWS
from petafit.racing.grouping import lanes_for
from petafit.racing.race import Race
from petafit.racing.standing import Standing, after_round, best
from petafit.store.arrays import StateDict, from_bytes, to_buffers
from petafit.stream.batches import Source

log = logging.getLogger("petafit")

_KEPT = "round.npz"


@dataclass(frozen=True)
class SearchRounds:
    """Races candidates in rounds; the last finished round is kept in the run folder.

    Attributes
    ----------
    encoding : Encoding
        With an encoder that traces.
    alpha : float
        The probability that the best candidate is dropped, over all rounds.
    seconds : float or None
        When to start no further round.
    reference : str or None
        The candidate that all are compared with; None: the leader.
    """

    passes: Passes
    encoding: Encoding
    metrics: Metrics
    alpha: float
    max_bad_share: float
    seed: int = 0
    seconds: float | None = None
    reference: str | None = None

    def run(
        self, candidates: Sequence[Candidate], parts: Sequence[Source], *, rows: int | None
    ) -> list[Standing]:
        """Race on each part in turn.

        Returns
        -------
        list of Standing
            Of all candidates, in their order.

        Raises
        ------
        ConfigurationError
            All candidates failed, or there are too few rows to compare any.
        """
        began, by_name = time.monotonic(), {each.name: each for each in candidates}
        keys = {each.name: str(number) for number, each in enumerate(candidates)}
        done, standings, models = self._found(candidates)
        for number, part in enumerate(parts, start=1):
            if number <= done:
                continue
            live = [by_name[each.name] for each in standings if each.is_live]
            if len(live) <= 1 or self._is_over(began, number):
                break
            lanes = lanes_for(live, self.encoding.encoder, seed=self.seed)
            race = Race(lanes, self.metrics, keeps_models=number < len(parts))
            order = [each.name for each in race.candidates]
            start = StateDict()
            for at, name in enumerate(order):
                start = start | models.part(keys[name]).prefixed(str(at))
            checked = self.passes.run(
                f"search round {number}",
                Checked(EncodedRows(), race),
                part,
                start=start if start.arrays or start.params else None,
                through=self.encoding,
                rows=None if rows is None else round(rows * _share(number, len(parts))),
            )
            result = checked.result.require(self.max_bad_share)
            standings = after_round(
                standings,
                result,
                order=order,
                alpha=self.alpha / len(parts),
                rounds=len(parts) - number,
                reference=self.reference,
            )
            models = StateDict()
            for at, name in enumerate(order):
                models = models | result.models.part(str(at)).prefixed(keys[name])
            self._keep(number, standings, models)
            _log(number, standings)
        self._check(standings)
        return standings

    def _is_over(self, began: float, number: int) -> bool:
        """Return whether the time is up for a round that takes as long as all before."""
        spent = time.monotonic() - began
        if self.seconds is None or number == 1 or 2 * spent <= self.seconds:
            return False
        log.warning("the search ends before round %d: the next would exceed its budget", number)
        return True

    def _check(self, standings: list[Standing]) -> None:
        if best(standings) is None:
            errors = "; ".join(f"{each.name}: {each.error}" for each in standings)
            raise ConfigurationError(
                f"All {len(standings)} candidates failed", got=errors, hint="Check `learner`."
            )
        most = max(each.rows for each in standings)
        if most < FEWEST_ROWS:
            raise ConfigurationError(
                "There are too few rows to compare candidates",
                expected=f"at least {FEWEST_ROWS:,} rows",
                got=f"{most:,}",
                hint="Raise `search.budget`, or take a larger table.",
            )

    def _keep(self, number: int, standings: list[Standing], models: StateDict) -> None:
        known = {"round": number, "inputs": self.passes.inputs}
        listed = json.dumps([asdict(each) for each in standings])
        content = models.prefixed("models") | StateDict(params={**known, "standings": listed})
        self.passes.folder.child("search").write(_KEPT, to_buffers(content))

    def _found(self, candidates: Sequence[Candidate]) -> tuple[int, list[Standing], StateDict]:
        """Return the last round of an earlier attempt; 0, and no models, without it."""
        nothing = 0, [Standing(each.name) for each in candidates], StateDict()
        folder = self.passes.folder.child("search")
        if not folder.exists(_KEPT):
            return nothing
        try:
            kept = from_bytes(folder.read(_KEPT))
            if kept.params["inputs"] != self.passes.inputs:
                return nothing
            standings = [_standing(each) for each in json.loads(kept.params["standings"])]
        except (StorageError, KeyError, TypeError, ValueError):
            log.warning("%s/%s is damaged: the search begins anew", folder.uri, _KEPT)
            return nothing
        log.info("%d rounds were finished by an earlier attempt of this run", kept.params["round"])
        return kept.params["round"], standings, kept.part("models")


def _standing(kept: dict[str, Any]) -> Standing:
    return Standing(**{**kept, "curve": tuple(map(tuple, kept["curve"]))})


def _share(number: int, parts: int) -> float:
    """Return the share of the rows that a round reads: as many as all rounds before it."""
    return 2.0 ** -(parts - max(number - 1, 1)) if parts > 1 else 1.0


def _log(number: int, standings: list[Standing]) -> None:
    first, live = best(standings), sum(each.is_live for each in standings)
    if first is None:
        return
    log.info(
        "search round %d: %d of %d candidates go on; %s leads, loss %.5g after %d rows",
        number,
        live,
        len(standings),
        first.name,
        first.loss,
        first.rows,
    )
