"""Secrets do not belong on a screen, in a log or in a message."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

# fmt: off
_SECRET_WORDS = frozenset({
    "credential", "credentials", "key", "passphrase", "passwd", "password", "pwd", "sas", "secret",
    "signature", "token",
})
# fmt: on
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_USER_INFO = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
_ASSIGNED = re.compile(
    r"((?:(?:password|passwd|passphrase|secret|token|access_?key)[\w.-]*|\bsig(?:nature)?)=)[^\s&;,]+",
    re.IGNORECASE,
)


def redact(value: Any, *, key: str = "") -> Any:
    """A value with its secrets hidden.

    Hidden are values whose key has a word such as `password`, `secret`, `token` or `key` in it, the
    password of a URI, and within text what is assigned to such a word (`?sig=...`, `-Dtoken=...`).

    Parameters
    ----------
    value : JSON value
        Mappings and lists are searched.
    key : str, optional
        The name the value goes by, with or without dots.

    Examples
    --------
    >>> redact({"spark.hadoop.fs.s3a.secret.key": "abc", "uri": "https://me:abc@host/x?sig=abc"})
    {'spark.hadoop.fs.s3a.secret.key': '***', 'uri': 'https://me:***@host/x?sig=***'}
    """
    if isinstance(value, Mapping):
        return {name: redact(child, key=str(name)) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [redact(child, key=key) for child in value]
    if value is None or isinstance(value, bool):
        return value
    if _is_secret(key):
        return HIDDEN
    if isinstance(value, str):
        return _ASSIGNED.sub(rf"\1{HIDDEN}", _USER_INFO.sub(rf"\1:{HIDDEN}@", value))
    return value


def _is_secret(key: str) -> bool:
    return any(word.lower() in _SECRET_WORDS for word in _WORD.findall(key))
