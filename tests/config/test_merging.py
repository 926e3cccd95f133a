"""Merging layers of settings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.merging import Tree, as_assignment, as_layer, merge, sources, stack

names = st.sampled_from(["a", "b", "c"])
contents = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
trees = st.dictionaries(names, contents, max_size=3).map(lambda content: as_layer(content, "x"))


def stacked(*contents: dict[str, Any]) -> dict[str, Any]:
    return stack(as_layer(content, f"layer {i}") for i, content in enumerate(contents)).plain()


@given(trees)
def test_merging_nothing_or_the_same_layer_changes_nothing(tree: Tree) -> None:
    assert merge(tree, {}) == merge({}, tree) == merge(tree, tree) == tree


def test_mappings_are_merged_and_lists_are_replaced() -> None:
    lower = {"training": {"rounds": 2, "seed": 1}, "keys": ["a", "b"]}
    upper = {"training": {"rounds": 3}, "keys": ["c"]}
    assert stacked(lower, upper) == {"training": {"rounds": 3, "seed": 1}, "keys": ["c"]}


def test_an_empty_mapping_clears() -> None:
    lower = {"learner": {"name": "A", "params": {"alpha": 1}}}
    assert stacked(lower, {"learner": {"params": {}}}) == {"learner": {"name": "A", "params": {}}}
    again = stacked(lower, {"learner": {"params": {}}}, {"learner": {"params": {"beta": 2}}})
    assert again["learner"]["params"] == {"beta": 2}


@pytest.mark.parametrize(
    ("lower", "upper", "merged"),
    [
        ("data/x", {"version": 3}, {"uri": "data/x", "version": 3}),
        ({"uri": "data/x", "version": 3}, "data/y", {"uri": "data/y"}),
        ({"uri": "data/x", "version": 3}, "data/x", {"uri": "data/x", "version": 3}),
        ({"format": "delta"}, "data/x", {"format": "delta", "uri": "data/x"}),
        ({"uri": "data/x", "filter": "a > 1"}, "data/y", {"uri": "data/y", "filter": "a > 1"}),
        ("data/x", {"name": "sales.orders"}, {"name": "sales.orders"}),
        ({"uri": "x", "format": "csv"}, {"sql": "SELECT 1"}, {"sql": "SELECT 1"}),
        ({"sql": "SELECT 1", "views": {"a": {"uri": "x"}}}, "data/x", {"uri": "data/x"}),
    ],
)
def test_shorthands_merge_and_a_new_table_drops_the_old_version(
    lower: object, upper: object, merged: object
) -> None:
    assert stacked({"table": lower}, {"table": upper}) == {"table": merged}


def test_parameters_belong_to_their_learner() -> None:
    task = {"learner": {"name": "sklearn.SGDClassifier", "params": {"alpha": 1}}}
    other = stacked(task, {"learner": {"name": "mllib.LogisticRegression"}})
    assert other == {"learner": {"name": "mllib.LogisticRegression"}}
    same = stacked(task, {"learner": {"name": "sklearn.SGDClassifier", "params": {"beta": 2}}})
    assert same["learner"]["params"] == {"alpha": 1, "beta": 2}
    new = stacked(task, {"learner": {"name": "mllib.LogisticRegression", "params": {"beta": 2}}})
    assert new["learner"]["params"] == {"beta": 2}


def test_parameters_without_a_name_belong_to_the_default_learner() -> None:
    task = {"learner": {"params": {"alpha": 1}}}
    assert stacked(task, {"learner": "sklearn.SGDClassifier"}) == {
        "learner": {"name": "sklearn.SGDClassifier"}
    }
    default = {"learner": "petafit.OnlineLinearClassifier"}
    assert stacked(task, default)["learner"]["params"] == {"alpha": 1}


def test_another_dataset_or_label_inherits_nothing() -> None:
    clicks = {"dataset": {"name": "clicks", "rows": 5, "days": 2}}
    assert stacked(clicks, {"dataset": "texts"}) == {"dataset": {"name": "texts"}}
    label = {"label": {"column": "y", "kind": "classes", "classes": [0, 1]}}
    assert stacked(label, {"label": "z"}) == {"label": {"column": "z"}}


def test_two_ways_to_split_replace_each_other() -> None:
    by_month = {"split": {"train": ["month <= 9"], "test": ["month > 9"]}}
    by_key = {"split": {"test_share": 0.1}}
    assert stacked(by_month, by_key) == by_key
    assert stacked(by_key, by_month) == by_month


def test_a_server_takes_the_place_of_a_master_and_what_it_is_started_with() -> None:
    local = {"spark": {"master": "local[*]", "submit": {"spark.driver.memory": "4g"}}}
    server = {"spark": {"remote": "sc://host"}}
    assert stacked(local, server) == server
    assert stacked(server, {"spark": {"master": "local[2]"}}) == {"spark": {"master": "local[2]"}}


def test_dropped_settings_are_reported() -> None:
    task = as_layer({"learner": {"name": "A", "params": {"alpha": 1}}}, "task.yaml")
    result = stack([task, as_assignment(("learner", "name"), "B", "--set")])
    assert result.source(("learner", "name")) == "--set"
    assert result.source(("learner", "params")) == (
        "default: learner.name from --set drops what task.yaml says"
    )
    assert result.source(("training", "rounds")) == "default"


def test_an_empty_section_changes_nothing() -> None:
    assert stacked({"training": {"rounds": 2}}, {"training": None}) == {"training": {"rounds": 2}}
    assert stacked({"dataset": "texts"}, {"dataset": None}) == {"dataset": None}


def test_settings_of_spark_keep_their_dots_and_null_takes_one_back() -> None:
    base = {"spark": {"submit": {"spark.driver.memory": "4g", "spark.executor.cores": 2}}}
    more = stack(
        [
            as_layer(base, "base"),
            as_assignment(("spark", "submit", "spark", "driver", "memory"), None, "--set"),
            as_assignment(("spark", "submit", "spark", "speculation"), True, "--set"),
            as_assignment(("spark", "submit", "spark", "speculation", "quantile"), 0.9, "--set"),
        ]
    )
    assert more.plain()["spark"]["submit"] == {
        "spark.executor.cores": 2,
        "spark.speculation": True,
        "spark.speculation.quantile": 0.9,
    }
    assert sources(more.tree) == ["base", "--set"]
