"""Rules for the layout and names of `lib`: sizes, class names, docstrings, glossary."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for top in ("lib", "jobs") for path in sorted((ROOT / top).rglob("*.py"))]
QUESTIONS = {"What", "Whether", "How", "Where", "Which", "Who", "When", "Why"}
MOST_LINES = 300
MOST_FUNCTION_LINES = 60
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""One word of a name in snake case or camel case."""


def glossary() -> list[list[str]]:
    """Its rows: the word, the meaning, words to avoid."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Glossary")[2]
    rows = re.findall(r"^\|(.*)\|$", text.partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


def banned_words() -> set[str]:
    return {word for *_, cell in glossary() if cell for word in cell.split(", ")}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def words_of(path: Path) -> dict[str, str]:
    """The words of a file's names, each with one of the names."""
    return {word.lower(): name for name in names_of(path) for word in WORD.findall(name)}


def names_of(path: Path) -> Iterator[str]:
    """Names that a file gives: its own, of folders, classes, functions, arguments, variables."""
    yield from path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef))


def lines_of(function: ast.FunctionDef) -> int:
    """Number of lines of a function, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    signature = function.body[0].lineno - function.lineno
    return signature + ((body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0)


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path.name: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    """Without its docstring; kernels are exempt, since numba compiles each as one loop."""
    lengths = {
        f"{path.name}: {function.name}": lines_of(function)
        for path in FILES
        for function in functions(path)
        if "njit" not in {ast.unparse(decorator) for decorator in function.decorator_list}
    }
    assert {name: n for name, n in lengths.items() if n > MOST_FUNCTION_LINES} == {}


def test_no_module_is_named_utils() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in FILES if path.stem in vague] == []


def test_class_names_are_unique() -> None:
    trees = [tree_of(path) for path in FILES]
    names = [
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_docstrings_open_with_an_imperative_or_a_noun() -> None:
    questions = []
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                first = (ast.get_docstring(node) or "").partition(" ")[0]
                if first.rstrip(",:;.") in QUESTIONS:
                    questions.append(f"{path.name}: {getattr(node, 'name', 'the module')}")
    assert questions == []


def test_names_in_the_glossary_exist() -> None:
    defined = {name for path in FILES for name in names_of(path)}
    named = {name for _, meaning, _ in glossary() for name in re.findall(r"`(\w+)`", meaning)}
    assert named - defined == set()


def test_the_glossary_bans_words() -> None:
    assert banned_words() >= {"law", "pulse", "sieve"}


@pytest.mark.parametrize("banned", sorted(banned_words()))
def test_no_name_contains_a_word_that_the_glossary_bans(banned: str) -> None:
    found = {f"{path.name}: {words_of(path)[banned]}" for path in FILES if banned in words_of(path)}
    assert found == set()
