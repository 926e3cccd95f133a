"""Text that is safe to print, to log and to store: without secrets, without control characters."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_WORDS = frozenset(
    {"auth", "bearer", "cred", "creds", "jwt", "key", "pass", "pwd", "sas", "sig", "token"}
)
_COMPOUNDS = re.compile(
    r"secret|passw(or)?d|passphrase|credential|signature|authorization|connectionstring|keypass"
    r"|(access|account|api|encryption|fernet|hmac|master|private|session|shared|signing|ssh|storage)"
    r"key|token$"
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

_ALSO_WORDS = frozenset({"auth", "key", "pass"})
"""Of themselves no secrets within text: they name columns, too."""

_ASSIGNED = re.compile(  # name=value, name: value, "name": "value", name = Bearer value
    r"(?<![\w.-])(?:-D)?(?P<name>[\w.-]++)[\"']?\s*(?:=|:|%3[AD])\s*(?:(?:basic|bearer)\s+(?=\S))?",
    re.IGNORECASE,
)
_APART = re.compile(  # --password value, fs.s3a.secret.key value, ('a.token', 'value'), (pwd,value)
    r"(?:(?<=\()|(?<![\w.-])(?=--|[\w-]+[.]\w))(?P<name>[\w.-]*\w)(?:[\"']?\s*,\s*|\s+)"
    r"(?![a-z]+(?!\S))"  # but no prose
)
_VALUE = re.compile(
    r"""b?"(?P<double>(?:[^"\\]|\\.)*)|b?'(?P<single>(?:[^'\\]|\\.)*)"""
    r"""|(?P<bare>[^\s&;'"]*[^\s&;,.:)\]}'"])"""
)
_ANONYMOUS = (
    # the password of a URI, which may hold slashes; digits before one are a port
    re.compile(r"(?P<kept>://[^/\s:@'\"]*:)(?!\d{1,5}/)[^\s@'\"?]{1,512}+(?=@)"),
    re.compile(r"(?P<kept>\bhttps?://)[^/\s:@'\"]+(?=@)"),
    re.compile(r"(?P<kept>\bjdbc:[\w:]+:[^/\s:@]+/)[^\s@/]+(?=@)"),  # of Oracle's driver
    re.compile(r"(?P<kept>\b(?i:basic|bearer)\s+)(?=\S*[^a-z\s])[\w+/=.~-]{8,}"),
)

# C0 and C1 control characters, line separators, marks that turn the direction of text, and halves
# of surrogate pairs, which no stream can encode.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def redact(value: Any, *, key: str = "") -> Any:
    """A value with its secrets hidden.

    Hidden are values whose key `is_secret`, the password of a URI, and within text what follows
    such a key (``?sig=...``, ``-Dtoken=...``, ``"secretKey": "..."``, ``--password ...``).

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
    """Return whether a key names a secret, in any spelling.

    Examples
    --------
    >>> [is_secret(key) for key in ("fs.s3a.secret.key", "AccessKeyId", "SIG", "keys", "monkey")]
    [True, True, True, False, False]
    """
    words = [word.lower() for word in _WORD.findall(key)]
    return not _WORDS.isdisjoint(words) or bool(_COMPOUNDS.search("".join(words)))


def holds_secret(key: str, value: str) -> bool:
    """Return whether a setting is a secret, or has one within its value.

    Examples
    --------
    >>> holds_secret("spark.driver.extraJavaOptions", "-Xmx1g -Dstore.password=abc")
    True
    """
    return bool(redact(value, key=key) != value)


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
    for pattern in _ANONYMOUS:
        text = pattern.sub(rf"\g<kept>{HIDDEN}", text)
    for pattern in (_ASSIGNED, _APART):
        text = _without_named(text, pattern)
    return text


def _without_named(text: str, pattern: re.Pattern[str]) -> str:
    """Text without the values that follow names of secrets."""
    # From the end: in "InvalidKey: secret_key='value'" both are such names.
    for found in reversed(list(pattern.finditer(text))):
        if not is_secret(found["name"]) or found["name"].lower() in _ALSO_WORDS:
            continue
        if value := _VALUE.match(text, found.end()):
            start, end = value.span(value.lastgroup or 0)
            text = f"{text[:start]}{HIDDEN}{text[end:]}"
    return text
