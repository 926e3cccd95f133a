"""Logical dates of runs: the dates they stand for in their scheduler."""

import re
from datetime import UTC, datetime

from petafit.errors import ConfigurationError

_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")


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
