"""Text that is safe to print, to log and to store: without secrets, without control characters."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_WORDS = frozenset({"key", "pwd", "sas", "sig", "token"})
_COMPOUNDS = re.compile(
    r"secret|passw(or)?d|passphrase|credential|signature|authorization"
    r"|(access|account|api|private|shared|storage|encryption)key|(access|auth|bearer|sas)token"
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

_NAME = (
    r"(?:[\w.-]*(?:secret|passw(?:or)?d|passphrase|credential|signature|authorization|token"
    r"|(?:access|account|api|private|shared|storage|encryption)[._-]?key)[\w.-]*|\b(?:sig|sas|pwd))"
)
_USER_INFO = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
_ASSIGNED = re.compile(rf"({_NAME}=)[^\s&;,'\"]*[^\s&;,.'\"]", re.IGNORECASE)
_IN_JSON = re.compile(rf"([\"']{_NAME}[\"']\s*:\s*[\"'])[^\"']*", re.IGNORECASE)
_HEADER = re.compile(r"(\bauthorization\s*:\s*(?:(?:basic|bearer)\s+)?)\S+", re.IGNORECASE)

# C0 and C1 control characters, line separators, marks that turn the direction of text, and halves
# of surrogate pairs, which no stream can encode.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def redact(value: Any, *, key: str = "") -> Any:
    """A value with its secrets hidden.

    Hidden are values whose key `is_secret`, the password of a URI, and within text what is assigned
    to such a key (``?sig=...``, ``-Dtoken=...``, ``"secretKey": "..."``).

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
    if is_secret(key):
        return HIDDEN
    return _without_secrets(value) if isinstance(value, str) else value


def is_secret(key: str) -> bool:
    """Whether a key names a secret, in any spelling.

    Examples
    --------
    >>> [is_secret(key) for key in ("fs.s3a.secret.key", "AccessKeyId", "SIG", "keys", "monkey")]
    [True, True, True, False, False]
    """
    words = [word.lower() for word in _WORD.findall(key)]
    return not _WORDS.isdisjoint(words) or bool(_COMPOUNDS.search("".join(words)))


def printable(text: str) -> str:
    """Text for one line of a terminal or a log: secrets hidden, control characters escaped.

    Rows, names and paths come from others: a line break in one of them must not begin a line of a
    log, nor an escape sequence reach the terminal.

    Examples
    --------
    >>> print(printable("city 'a\\nERROR \\x1b[2J'; ?sig=abc"))
    city 'a\\nERROR \\x1b[2J'; ?sig=***
    """
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], _without_secrets(text))


def _without_secrets(text: str) -> str:
    text = _USER_INFO.sub(rf"\1:{HIDDEN}@", text)
    for pattern in (_ASSIGNED, _IN_JSON, _HEADER):
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text
