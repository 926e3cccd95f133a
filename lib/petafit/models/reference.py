"""References to a version of a model: `flights`, `flights@3`, `flights@champion`."""

import re

_REFERENCE = re.compile(r"(?P<model>.+)@(?P<asked>\d+|[a-z][a-z0-9_-]*)", re.DOTALL)

Asked = int | str | None
"""A version by its number or alias; None is the latest."""


def split_reference(name: str) -> tuple[str, Asked]:
    """Split a reference into the model's name or path, and the version or alias behind ``@``, if
    any.

    Examples
    --------
    >>> split_reference("models/flights@3")
    ('models/flights', 3)
    >>> split_reference("flights@champion")
    ('flights', 'champion')
    >>> split_reference("flights")
    ('flights', None)
    """
    found = _REFERENCE.fullmatch(name)
    if not found:
        return name, None
    asked = found["asked"]
    return found["model"], int(asked) if asked.isdigit() else asked
