"""YAML of settings: the core schema of version 1.2, with unique keys.

PyYAML follows version 1.1, where ``1e-6`` is text, ``NO`` is false, ``12:30`` is 750 and
``2013-10-01`` a date. Here the first is a number and the others are text (YAML 1.2, section 10.3).
"""

import re
from typing import Any

import yaml

from petafit.errors import ConfigurationError

# Patterns of each type's scalars, and the characters they start with.
_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?\d+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}


class _Loader(yaml.SafeLoader):
    def mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Construct a mapping whose keys are text, as written, each given once."""
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be plain text", problem_mark=key_node.start_mark
                )
            if key_node.value in content:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key_node.value!r} is given twice",
                    problem_mark=key_node.start_mark,
                )
            content[key_node.value] = self.construct_object(value_node, deep=True)
        return content

    def sequence(self, node: yaml.SequenceNode) -> list[Any]:
        """Construct a list at once, so that one which contains itself is an error."""
        return [self.construct_object(child, deep=True) for child in node.value]

    def integer(self, node: yaml.ScalarNode) -> int:
        """Construct an integer; unlike in version 1.1, ``010`` is ten."""
        base = {"0o": 8, "0x": 16}.get(node.value[:2], 10)
        return int(node.value, base)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Represent text on one line, whatever it contains."""
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {}  # without the resolvers of version 1.1
    for _name, (_pattern, _starts) in _SCALARS.items():
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})$", re.ASCII), _starts
        )
_Dumper.add_representer(str, _Dumper.text)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.sequence)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)


def parse(text: str, *, source: str) -> Any:
    """Parse a YAML document.

    Parameters
    ----------
    text : str
        One YAML document.
    source : str
        Where it comes from, for messages: a file, a variable, an argument.

    Raises
    ------
    ConfigurationError
        The text is not YAML; the message names source and line.

    Examples
    --------
    >>> parse("[1e-6, NO, 12:30, 2013-10-01, true]", source="an example")
    [1e-06, 'NO', '12:30', '2013-10-01', True]
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{_place(error, source, text)} is not valid YAML: {_problem(error)}",
            hint="Text with special characters goes into quotes.",
        ) from error


def dump(value: object) -> str:
    """Format a value as YAML on one line, which `parse` reads back, also within a longer line.

    Examples
    --------
    >>> dump({"numeric": ["temp", "1e-6"], "scale": None})
    "{numeric: [temp, '1e-6'], scale: null}"
    """
    text: str = yaml.dump(
        [value],  # in brackets, so that it is quoted as part of a line
        Dumper=_Dumper,
        default_flow_style=True,
        width=float("inf"),
        sort_keys=False,
        allow_unicode=True,
    )
    return text.rstrip("\n")[1:-1]


def _place(error: Exception, source: str, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None or "\n" not in text.rstrip("\n"):
        return source
    return f"{source}, line {mark.line + 1},"


def _problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return str(error.problem)
    return str(error).splitlines()[0]
