"""Validated reading of a run's manifest, which may be edited, and of its logical date."""

import re
from datetime import UTC, datetime
from typing import (
    Any,
    Literal,
    NotRequired,  # pydantic requires it before Python 3.12
)

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from petafit.errors import ConfigurationError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.plain import validated

FORMAT = 1
MANIFEST = "manifest.json"
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")


class _Input(TypedDict):
    table: str
    version: NotRequired[int | None]


class _Output(TypedDict):
    path: str
    format: str
    rows: int


class _Model(TypedDict):
    name: str
    version: int
    digest: str


class _Manifest(TypedDict, total=False):
    """Fields that are read back; there may be more."""

    error: str | None
    seconds: float | None
    made: int
    inputs: list[_Input]
    plans: dict[str, str]
    rows: dict[str, int]
    outputs: list[_Output]
    metrics: dict[str, float | None]
    rounds: list[dict[str, Any]]
    model: _Model | None
    warnings: list[str]
    timings: dict[str, Any]
    peak_memory_bytes: dict[str, int | None]
    compiled_kernels: dict[str, int]


class _Identified(_Manifest):
    job: str
    task: str
    logical_date: str | None
    settings_digest: str
    run_id: str
    status: Literal["running", "succeeded", "failed"]
    started_at: str


_FIELDS = TypeAdapter(_Identified)


def read_manifest(folder: Folder) -> dict[str, Any]:
    """Read the manifest in a run's folder.

    Raises
    ------
    StorageError
        The manifest is missing, damaged, or of an unknown format.
    """
    manifest = folder.read_json(MANIFEST)
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise StorageError(
            f"{folder.uri}/{MANIFEST} has a format this petafit does not know",
            expected=f"format {FORMAT}",
            got=f"format {found}",
            hint="It was written by another version of petafit, or by something else.",
        )
    validated(
        _FIELDS,
        manifest,
        damaged=f"{folder.uri}/{MANIFEST}",
        hint="Start the job again under a new run id.",
        strict=True,
    )
    return dict(manifest)


def check_logical_date(text: str) -> None:
    """Refuse an invalid date.

    Raises
    ------
    ConfigurationError
        It is not in ISO 8601 form, or not a day of the calendar.
    """
    try:
        moment(text)
    except ValueError as error:
        raise ConfigurationError(
            "The logical date is wrong",
            expected="a date or a time in ISO 8601 form: 2013-10-01, 2013-10-01T06:00:00Z",
            got=text,
            hint="Give it with --logical-date.",
        ) from error


def moment(text: str) -> datetime:
    """Return the instant of a logical date, by which they are ordered: without a zone it is UTC.

    Raises
    ------
    ValueError
        It is not a logical date.

    Examples
    --------
    >>> moment("2013-10-01") < moment("2013-10-01T01:00:00+00:30")
    True
    """
    if not _ISO.fullmatch(text):
        raise ValueError(f"{text!r} is not in ISO 8601 form")
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
