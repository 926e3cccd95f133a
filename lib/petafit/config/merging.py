"""Merging of settings in layers, keeping the source of each value."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic_core import PydanticUndefined

from petafit.config.section import Section
from petafit.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is not a mapping, and the file, variable or argument that set it."""

    value: object
    source: str


Tree: TypeAlias = dict[str, "Leaf | Tree"]
Path: TypeAlias = tuple[str, ...]

# Keys set by a plain value instead of a section.
_SHORTHANDS = {"table": "uri", "label": "column", "dataset": "name", "learner": "name"}

_ROWS = ("uri", "name", "sql")
_OF_A_TABLE = ("format", "columns", "options", "version")

# Settings to drop if a value changes, since earlier layers set them for the old one.
_BELONGINGS: dict[Path, Path] = {
    ("dataset", "name"): ("rows", "days", "seed", "format"),
    ("learner", "name"): ("params",),
    ("table", "uri"): ("name", "sql", "views", *_OF_A_TABLE),
    ("table", "name"): ("uri", "sql", "views", *_OF_A_TABLE),
    ("table", "sql"): ("uri", "name", *_OF_A_TABLE),
    ("label", "column"): ("kind", "classes"),
    ("split", "test_share"): ("train", "test"),
    ("split", "train"): ("test_share",),
    ("split", "test"): ("test_share",),
    ("spark", "remote"): ("master", "submit"),
    ("spark", "master"): ("remote",),
}


@dataclass(frozen=True)
class Stacked:
    """Merged layers.

    Attributes
    ----------
    tree : Tree
        The resulting settings.
    dropped : mapping of path to str
        Why an earlier layer's value was dropped although no later layer set another.
    """

    tree: Tree = field(default_factory=dict)
    dropped: Mapping[Path, str] = field(default_factory=dict)

    def source(self, path: Path) -> str:
        """Return the source of the value at a path; `default` if no layer set one."""
        node: Leaf | Tree | None = self.tree
        for part in path:
            if isinstance(node, Leaf) or node is None:
                break
            node = node.get(part)
        if isinstance(node, Leaf):
            return node.source
        return f"default: {self.dropped[path]}" if path in self.dropped else "default"

    def plain(self) -> dict[str, Any]:
        """Return the values without sources."""
        return _plain(self.tree)


def as_layer(content: Mapping[str, Any], source: str) -> Tree:
    """Return one layer's content, shorthands expanded, each value with its source.

    A section that is null, such as one whose lines are all comments, sets nothing.
    """
    layer: dict[str, Any] = {}
    for key, value in content.items():
        if key in _SHORTHANDS and isinstance(value, str):
            layer[key] = {_SHORTHANDS[key]: value}
        elif key == "spark" and isinstance(value, Mapping):
            layer[key] = {part: _with_dotted_keys(given) for part, given in value.items()}
        elif value is not None or key not in _SECTIONS:
            layer[key] = value
    return _with_source(layer, source)


def as_assignment(path: Path, value: object, source: str) -> Tree:
    """Return the layer that sets one value."""
    content: Any = value
    for part in reversed(path):
        content = {part: content}
    return as_layer(content, source)


def merge(lower: Tree, upper: Tree) -> Tree:
    """Merge mappings key by key; everything else, and anything under `{}`, is replaced."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def stack(layers: Iterable[Tree]) -> Stacked:
    """Merge layers, the last one on top.

    Examples
    --------
    >>> task = as_layer({"learner": {"name": "sklearn.SGDClassifier", "params": {"alpha": 1}}}, "a")
    >>> over = as_layer({"learner": "mllib.LogisticRegression"}, "b")
    >>> stack([task, over]).plain()
    {'learner': {'name': 'mllib.LogisticRegression'}}
    """
    tree: Tree = {}
    dropped: dict[Path, str] = {}
    for layer in layers:
        lower, lost = _without_belongings(tree, layer)
        tree = merge(lower, layer)
        dropped |= lost
    return Stacked(_without_nulls(tree), dropped)


def sources(node: Leaf | Tree) -> list[str]:
    """Return the sources of the values in a part of a tree, each once."""
    if isinstance(node, Leaf):
        return [node.source]
    return list(dict.fromkeys(source for child in node.values() for source in sources(child)))


def _without_belongings(lower: Tree, upper: Tree) -> tuple[Tree, dict[Path, str]]:
    kept = dict(lower)
    dropped: dict[Path, str] = {}
    for (section, key), siblings in _BELONGINGS.items():
        below, above = kept.get(section), upper.get(section)
        if not (isinstance(below, dict) and isinstance(above, dict) and key in above):
            continue
        old = _value(below, section, key)
        if old is PydanticUndefined or old == _value(above, section, key):
            continue
        if section == "table" and below.keys().isdisjoint(_ROWS):
            continue
        for sibling in siblings:
            if sibling in below:
                dropped[section, sibling] = (
                    f"{section}.{key} from {sources(above[key])[0]} "
                    f"drops what {', '.join(sources(below[sibling]))} says"
                )
        kept[section] = {name: node for name, node in below.items() if name not in siblings}
    return kept, dropped


def _value(section: Tree, name: str, key: str) -> object:
    """Return a section's value for a key, or its default."""
    node = section.get(key)
    if isinstance(node, Leaf):
        return node.value
    model = Settings.model_fields[name].annotation
    fields = getattr(model, "model_fields", {})
    return fields[key].default if key in fields else PydanticUndefined


def _with_dotted_keys(given: object) -> object:
    """Return Spark's settings by their full names, also if `--set` split them at dots."""
    if not isinstance(given, Mapping):
        return given
    return dict(_dotted(given))


def _dotted(given: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in given.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _without_nulls(tree: Tree) -> Tree:
    """Remove null values, which unset a setting of Spark."""
    spark = tree.get("spark")
    if not isinstance(spark, dict):
        return tree
    parts = {
        part: {key: leaf for key, leaf in given.items() if not _is_null(leaf)}
        if isinstance(given, dict)
        else given
        for part, given in spark.items()
    }
    return {**tree, "spark": parts}


def _is_null(node: Leaf | Tree) -> bool:
    return isinstance(node, Leaf) and node.value is None


def _with_source(content: Mapping[str, Any], source: str) -> Tree:
    return {
        key: _with_source(value, source)
        if isinstance(value, Mapping) and value
        else Leaf(value, source)
        for key, value in content.items()
    }


def _plain(tree: Tree) -> dict[str, Any]:
    return {
        key: node.value if isinstance(node, Leaf) else _plain(node) for key, node in tree.items()
    }


_SECTIONS = {
    name
    for name, known in Settings.model_fields.items()
    if isinstance(known.annotation, type) and issubclass(known.annotation, Section)
}
