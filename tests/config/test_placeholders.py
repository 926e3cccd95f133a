"""`{logical_date}` in settings: filled when a run begins, refused where it cannot be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.layers import load_settings, settings_digest
from petafit.config.placeholders import fill
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError

DATE = "2024-01-03"
SECTIONS = ("table", "split", "score")


def settings(**changes: object) -> Settings:
    return Settings(**{"task": "mine", "table": "t", "label": "y", **changes})


def filter_of(text: str) -> str:
    """A condition after its placeholders are filled in."""
    filled = fill(settings(table={"uri": "t", "filter": text}), DATE, SECTIONS)
    return filled.table.filter[0]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("day == {logical_date}", f"day == {DATE}"),
        ("day in ['{logical_date}', {logical_date}]", f"day in ['{DATE}', {DATE}]"),
        ("x == '{{logical_date}}'", "x == '{logical_date}'"),
        ("x == '{{foo}}'", "x == '{foo}'"),
        ("x == 'a{1,2}'", "x == 'a{1,2}'"),
        ("x == '{}'", "x == '{}'"),
        ("x == '{'", "x == '{'"),
        ("x == '{{}}'", "x == '{{}}'"),
        ("`{{a b}}` == 1", "`{a b}` == 1"),
        (r"x == '\1'", r"x == '\1'"),
    ],
)
def test_only_names_in_braces_are_placeholders(text: str, filled: str) -> None:
    assert filter_of(text) == filled


@given(st.text(st.characters(exclude_characters="{}")))
def test_text_without_braces_stays_as_it_is(text: str) -> None:
    assert filter_of(text) == text


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_ -]{0,9}", fullmatch=True))
def test_any_name_can_be_written_with_its_braces(name: str) -> None:
    assert filter_of(f"{{{{{name}}}}}") == f"{{{name}}}"


def test_all_settings_of_a_section_are_filled() -> None:
    given_ = settings(
        split={"train": "day < {logical_date}", "test": ["day == {logical_date}", "x > 0"]},
        score={"table": "t/{logical_date}", "output": "p/{logical_date}"},
    )
    filled = fill(given_, DATE, SECTIONS)
    assert filled.split.train == (f"day < {DATE}",)
    assert filled.split.test == (f"day == {DATE}", "x > 0")
    assert filled.score.table is not None
    assert (filled.score.table.uri, filled.score.output) == (f"t/{DATE}", f"p/{DATE}")
    assert fill(given_, DATE, ("split",)).score == given_.score
    assert settings_digest(given_) == settings_digest(settings(**given_.model_dump()))


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("table.filter", {"table": {"uri": "t", "filter": "day == {logical_date}"}}),
        ("split.test", {"split": {"train": "x < 1", "test": ["x > 1", "d > {logical_date}"]}}),
        ("table.uri", {"table": "data/{logical_date}"}),
        ("table.sql", {"table": {"sql": "SELECT * FROM t WHERE day = '{logical_date}'"}}),
        ("score.output", {"score": {"output": "out/{logical_date}"}}),
    ],
)
def test_a_run_without_a_logical_date_is_refused(key: str, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=rf"`{key}` holds .*--logical-date"):
        fill(settings(**changes), None, SECTIONS)


@pytest.mark.parametrize("written", ["logical-date", "logicaldate", "Logical_Date", "logical_dat"])
def test_an_unknown_placeholder_is_refused_with_a_suggestion(
    tmp_path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "local.yaml").write_text("")
    (tmp_path / "tasks/mine.yaml").write_text(
        f"table: t\nlabel: y\nscore:\n  output: 'out/{{{written}}}'\n"
    )
    with pytest.raises(
        ConfigurationError, match=r"score.output: .*Did you mean 'logical_date'"
    ) as e:
        load_settings(task="mine", conf=tmp_path)
    assert f"{{{{{written}}}}}" in str(e.value)


def test_addresses_of_views_are_filled_and_other_braces_in_them_stay() -> None:
    views = {"a": {"uri": "{data}/{day}/a.csv", "format": "csv"}}
    given_ = settings(prepare={"source": {"sql": "SELECT * FROM a", "views": views}})
    filled = fill(
        given_.model_copy(update={"paths": given_.paths.model_copy(update={"data": "s3://b"})}),
        None,
        ("prepare",),
    )
    assert filled.prepare is not None
    assert filled.prepare.source.views["a"].uri == "s3://b/{day}/a.csv"
