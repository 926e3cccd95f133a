"""A learner's parameters with defaults and meaning, read from the class's own documentation."""

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

_REFERENCE = re.compile(r"As in `(\w+)`[,;.]? ?")
_PARAMETER = re.compile(r"(?P<names>\w+(?:, \w+)*)(?: ?: (?P<type>.*))?")
_DEFAULT = re.compile(r"(?:,? ?(?:optional|\(?default[ =:].*))+$")
_MARKUP = re.compile(r"(?::\w+:)?`{1,2}~?([^`<]*?)(?: *<[^`]*>)?`{1,2}_{0,2}| ?\[\d+\]_")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a learner.

    Attributes
    ----------
    default : object
        Meaningless where it is required.
    type : str
        Its type or values, as documented; empty where the documentation has none.
    description : str
        One paragraph of plain text.
    """

    name: str
    default: Any
    type: str
    description: str

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    def as_dict(self) -> dict[str, Any]:
        """Return what is known of it; the default, if any, in a form that JSON can hold."""
        plain = isinstance(self.default, bool | int | float | str | list | tuple | None)
        default = {"default": self.default if plain else repr(self.default)}
        return {
            "name": self.name,
            "required": self.required,
            **({} if self.required else default),
            "type": self.type,
            "description": self.description,
        }


def summary(kind: type) -> str:
    """Return the first sentence of a class's documentation."""
    return _plain(inspect.getdoc(kind) or "").split(". ")[0].rstrip(".") + "."


def parameters_of(
    kind: type, *, leave_out: Collection[str] = (), related: Iterable[type] = ()
) -> list[Parameter]:
    """Read the parameters of a class with scikit-learn's interface from its numpydoc docstring.

    A description that begins with "As in `Other`" is that of the other class, and what follows.

    Parameters
    ----------
    leave_out : collection of str
        Parameters that a task does not set.
    related : iterable of type
        Classes that descriptions may refer to.
    """
    documented = _documented(kind, {each.__name__: each for each in related})
    return [
        Parameter(name, parameter.default, *documented.get(name, ("", "")))
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in leave_out
    ]


def _documented(kind: type, related: Mapping[str, type]) -> dict[str, tuple[str, str]]:
    """Return type and description of each documented parameter, by name."""
    found: dict[str, tuple[str, str]] = {}
    for heading, text in _definitions(inspect.getdoc(kind) or ""):
        described = _PARAMETER.fullmatch(heading)
        if described is None:
            continue
        type_ = _DEFAULT.sub("", _plain(described["type"] or ""))
        reference = _REFERENCE.match(text)
        referred = related.get(reference[1]) if reference else None
        elsewhere = {} if referred is None else _documented(referred, related)
        own = _plain(text if not elsewhere else _REFERENCE.sub("", text, count=1))
        for name in described["names"].split(", "):
            there = elsewhere.get(name, ("", ""))
            found[name] = (type_ or there[0], f"{there[1]} {own[:1].upper()}{own[1:]}".strip())
    return found


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the definitions in the section `Parameters`: a line, and the indented text below it."""
    _, _, section = text.partition("Parameters\n----------\n")
    section = re.split(r"\n\n?\w[\w ]*\n-{3,}\n", section, maxsplit=1)[0]
    section = dedent(section)  # XGBoost indents it
    for block in re.split(r"\n(?=\S)", section):
        heading, _, body = block.partition("\n")
        yield heading.strip(), inspect.cleandoc(body)


def _plain(text: str) -> str:
    """Return the first paragraph of a text without markup, on one line."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return _MARKUP.sub(lambda found: found[1] or "", paragraph)
