import json

import pytest

from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Count,
    Cross,
    Cyclic,
    DatePart,
    Frequent,
    Indicator,
    Numeric,
    TargetMean,
    Text,
    columns_of,
)
from petafit.features.plain import from_plain, to_plain

EVERY_KIND = (
    Numeric("distance", impute=0.5, log1p=True, scale="minmax"),
    Indicator("distance"),
    Categorical("carrier"),
    Boolean("weekend"),
    Binned("distance", (0.0, 1.5)),
    Frequent("carrier", 5),
    Cyclic("departure", "month", "cos"),
    Count("carrier"),
    TargetMean("carrier", 3.0),
    DatePart("departure", "hour"),
    Text("title", "char", (3, 5), lowercase=False, norm="none"),
    Text("title"),
    Cross((Categorical("carrier"), Binned("distance", (0.0, 1.5)), DatePart("departure", "hour"))),
)


@pytest.mark.parametrize("feature", EVERY_KIND, ids=lambda feature: type(feature).__name__)
def test_a_feature_survives_json(feature):
    again = from_plain(json.loads(json.dumps(to_plain(feature))))
    assert again == feature
    assert type(again) is type(feature)
    assert hash(again) == hash(feature)


def test_feature_names_have_their_columns():
    assert [feature.name for feature in EVERY_KIND] == [
        "distance",
        "distance_missing",
        "carrier",
        "weekend",
        "distance_bin",
        "carrier",
        "departure_month_cos",
        "carrier_count",
        "carrier_target",
        "departure_hour",
        "title_chars",
        "title_words",
        "carrier×distance_bin×departure_hour",
    ]


def test_columns_are_listed_once():
    assert columns_of(EVERY_KIND) == ("distance", "carrier", "weekend", "departure", "title")
