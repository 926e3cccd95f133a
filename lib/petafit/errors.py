"""Errors of petafit: one root, an exit code for each kind, messages that name the next step."""

import difflib
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from petafit.messages import printable

log = logging.getLogger("petafit")


class PetafitError(Exception):
    """Root of every error petafit raises on purpose.

    Parameters
    ----------
    what : str
        What was wrong, as one sentence.
    expected : object, optional
        What would have been right.
    got : object, optional
        What was found instead.
    hint : str, optional
        What to do next.
    details : sequence of str, optional
        Lines below the sentence, such as one for each of several faults.

    Notes
    -----
    The message is `petafit.messages.printable`: names, values and causes may come from anywhere.

    Examples
    --------
    >>> print(PetafitError("No column 'lable'", expected="'label'", hint="Check `label:`."))
    No column 'lable'; expected 'label'. Check `label:`.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        expected: object = None,
        got: object = None,
        hint: str = "",
        details: Sequence[str] = (),
    ) -> None:
        self.what = what
        self.expected = expected
        self.got = got
        self.hint = hint
        self.details = tuple(details)
        super().__init__(self._sentence())

    def __reduce__(self) -> tuple[object, ...]:
        fields = {name: getattr(self, name) for name in ("expected", "got", "hint", "details")}
        return _rebuild, (type(self), self.what, fields)

    def _sentence(self) -> str:
        parts = [self.what.rstrip(".")]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.got is not None:
            parts.append(f"got {self.got}")
        sentence = "; ".join(parts)
        sentence = f"{sentence}. {self.hint}" if self.hint else sentence
        return "\n- ".join(map(printable, (sentence, *self.details)))


class ConfigurationError(PetafitError):
    """A setting, an argument or an environment that cannot work."""

    exit_code = 2


class DivergedError(ConfigurationError):
    """Learning that led to numbers that are not finite."""


class ContractError(PetafitError):
    """Data that breaks its contract: a missing column, a wrong type, too many bad rows."""

    exit_code = 3


class EmptyInputError(PetafitError):
    """An input without the rows the job needs."""

    exit_code = 4


class ConflictError(PetafitError):
    """Somebody else holds or already used what this job wants to write."""

    exit_code = 5


class LostWorkerError(PetafitError):
    """Work that needs all workers at once, and one of them ended."""


class StorageError(PetafitError):
    """Something stored that is damaged, unknown or out of reach."""


class DamagedError(StorageError):
    """Something stored that is not what was written."""


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """A hint that names the closest choices, or all of them where none is close.

    One that looks the same is shown by its code points.

    Examples
    --------
    >>> did_you_mean("lerner", ["learner", "label"])
    "Did you mean 'learner'?"
    """
    known = sorted(choices)
    alike = same_texts(known).get(unicodedata.normalize("NFC", name))
    if alike:
        return f"There is {alike!a}, in another Unicode form than {name!a}."
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    outer, dot, _ = name.partition(".")
    if dot and outer in known:
        return f"There is {outer!r}; of what is within it, make a column of its own."
    return f"Choose one of {', '.join(map(repr, known))}." if known else ""


def same_texts(names: Iterable[str]) -> Mapping[str, str]:
    """Names that may look the same as others, by what they are in Unicode's form NFC.

    Examples
    --------
    >>> same_texts(["e\\u0301", "e"]) == {"\\u00e9": "e\\u0301"}
    True
    """
    return {unicodedata.normalize("NFC", name): name for name in names if not name.isascii()}


@contextmanager
def only_logged(what: str) -> Iterator[None]:
    """Log an error instead of raising it: for what is put in order while another one is in flight.

    Examples
    --------
    >>> with only_logged("removing what the job left behind"):
    ...     raise OSError("The disk is gone")
    """
    try:
        yield
    except Exception:
        log.warning("After an error, %s failed, too", what, exc_info=True)


def to_fields(error: PetafitError) -> dict[str, str | None]:
    """Return an error as JSON can hold it, for another process."""
    return {
        "error": type(error).__name__,
        "what": error.what,
        "expected": None if error.expected is None else str(error.expected),
        "got": None if error.got is None else str(error.got),
        "hint": error.hint,
    }


def from_fields(fields: Mapping[str, Any]) -> PetafitError:
    """Return the error of which `to_fields` gave the fields.

    Raises
    ------
    LookupError
        They are not such fields.

    Examples
    --------
    >>> from_fields(to_fields(ContractError("No column 'x'", hint="Check `features`.")))
    ContractError("No column 'x'. Check `features`.")
    """
    kind = {each.__name__: each for each in _kinds(PetafitError)}[fields["error"]]
    given = {name: fields[name] for name in ("expected", "got", "hint")}
    return _rebuild(kind, fields["what"], given)


def _kinds(kind: type[PetafitError]) -> list[type[PetafitError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in _kinds(below))]


def _rebuild(kind: type[PetafitError], what: str, fields: Mapping[str, Any]) -> PetafitError:
    return kind(what, **fields)
