"""Features as trees take them."""

import pytest

from petafit.errors import ConfigurationError
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Frequent,
    Indicator,
    Numeric,
    QuantileBinned,
    TargetMean,
    Text,
)
from petafit.learners.xgboost.columns import tree_features

RAW = Numeric("a", impute="none", scale="none")


def test_a_number_is_one_column_whatever_was_made_of_it() -> None:
    bins = QuantileBinned("a", 8)
    made = (Numeric("a", log1p=True), Indicator("a"), Binned("a", (0.0, 1.0)), bins)
    assert tree_features(made, "trees") == (RAW,)


def test_categories_stay_and_crosses_go() -> None:
    kept = (Categorical("b"), Boolean("c"), DatePart("d", "hour"))
    assert tree_features((*kept, Cross(kept[:2]), TargetMean("b")), "trees") == kept
    of_others = (Frequent("a", 5), Cyclic("d", "month", "sin"), Cyclic("d", "month", "cos"))
    expected = (Categorical("a"), DatePart("d", "month"))
    assert tree_features(of_others, "trees") == expected


@pytest.mark.parametrize(
    ("features", "message"),
    [((Text("t"),), "does not take the feature 't_words'"), ((), "needs features")],
)
def test_what_trees_cannot_take_is_refused(features: tuple[Text, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        tree_features(features, "trees")
