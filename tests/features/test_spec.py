import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from petafit.config.feature_groups import FeatureGroup
from petafit.errors import ConfigurationError
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
    IndicatorIfTelling,
    Numeric,
    QuantileBinned,
    TargetMean,
    Text,
)
from petafit.features.spec import LOG2_EDGES, resolve

SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "late": pa.bool_(),
        "weight": pa.float64(),
        "carrier": pa.dictionary(pa.int32(), pa.string()),
        "origin": pa.large_string(),
        "distance": pa.float32(),
        "fare": pa.decimal128(8, 2),
        "hour": pa.int16(),
        "weekend": pa.bool_(),
        "departure": pa.timestamp("us", "UTC"),
        "day": pa.date32(),
        "stops": pa.list_(pa.string()),
        "pixel_0": pa.uint8(),
        "pixel_1": pa.uint8(),
    }
)
ROLES = {"label": "late", "weight": "weight", "keys": ["id"]}

_groups = TypeAdapter(tuple[FeatureGroup, ...])


def resolved(*groups):
    return resolve(_groups.validate_python(groups), SCHEMA, **ROLES)


def test_auto_takes_every_column_by_its_type():
    assert resolve("auto", SCHEMA, **ROLES) == (
        Categorical("carrier"),
        Categorical("origin"),
        Numeric("distance"),
        Numeric("fare"),
        Numeric("hour"),
        Boolean("weekend"),
        DatePart("departure", "month"),
        DatePart("departure", "day_of_week"),
        DatePart("departure", "hour"),
        DatePart("day", "month"),
        DatePart("day", "day_of_week"),
        Numeric("pixel_0"),
        Numeric("pixel_1"),
    )


def test_auto_without_any_column_is_refused():
    with pytest.raises(ConfigurationError, match="No column of the table"):
        resolve("auto", pa.schema({"late": pa.bool_()}), label="late")


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("pixel_*", ["pixel_0", "pixel_1"]),
        ("pixel_[1-9]", ["pixel_1"]),
        ("type:number", ["distance", "fare", "hour", "pixel_0", "pixel_1"]),
        ("type:integer", ["hour", "pixel_0", "pixel_1"]),
        ("type:float", ["distance", "fare"]),
    ],
)
def test_patterns_select_by_name_and_type_but_never_label_weight_or_keys(selector, selected):
    assert [feature.name for feature in resolved({"numeric": selector})] == selected


@pytest.mark.parametrize(
    ("kind", "selector", "selected"),
    [
        ("categorical", "type:string", ["carrier", "origin"]),
        ("boolean", "type:boolean", ["weekend"]),
        ("date", "type:date", ["departure", "day"]),
    ],
)
def test_types_other_than_numbers(kind, selector, selected):
    columns = [feature.column for feature in resolved({kind: selector})]
    assert list(dict.fromkeys(columns)) == selected


def test_a_key_may_be_named():
    assert resolved({"categorical": ["id"]}) == (Categorical("id"),)


def test_options_reach_the_features():
    group = {"numeric": ["hour"], "impute": 0, "log1p": True, "scale": "none", "indicator": True}
    assert resolved(group) == (Numeric("hour", 0.0, True, "none"), Indicator("hour"))
    assert resolved({"categorical": "origin", "min_count": 9}) == (Frequent("origin", 9),)
    grouped = resolved({"categorical": "origin", "min_count": 9}, {"cross": [["origin", "hour"]]})
    assert grouped[1] == Cross((Frequent("origin", 9), Categorical("hour")))
    means = {"target": ["origin", "hour"], "smoothing": 3}
    assert resolved(means, {"count": "origin"}) == (
        TargetMean("origin", 3.0),
        TargetMean("hour", 3.0),
        Count("origin"),
    )
    waves = resolved({"date": "day", "cyclic": True})
    assert waves[:3] == tuple(
        Cyclic("day", *each)
        for each in (("month", "sin"), ("month", "cos"), ("day_of_week", "sin"))
    )
    with pytest.raises(ValueError, match="years do not recur"):
        resolved({"date": "day", "parts": ["year"], "cyclic": True})
    telling = {"numeric": ["hour"], "indicator": "auto"}
    assert resolved(telling) == (Numeric("hour"), IndicatorIfTelling("hour"))
    assert resolved({"binned": "hour"}) == (Binned("hour", LOG2_EDGES),)
    assert resolved({"binned": "hour", "edges": "quantiles"}) == (QuantileBinned("hour", 32),)
    few = {"binned": ["hour", "pixel_*"], "edges": "quantiles", "bins": 4}
    assert resolved(few)[1:] == (QuantileBinned("pixel_0", 4), QuantileBinned("pixel_1", 4))
    crossed = resolved(few, {"cross": [["hour_bin", "carrier"]]})[-1]
    assert crossed == Cross((QuantileBinned("hour", 4), Categorical("carrier")))
    assert resolved({"binned": "hour", "edges": [6, 12]}) == (Binned("hour", (6.0, 12.0)),)
    assert resolved({"date": "day", "parts": ["year"]}) == (DatePart("day", "year"),)
    assert resolved({"text": "origin", "lowercase": False, "norm": "none"}) == (
        Text("origin", "word", (1, 2), lowercase=False, norm="none"),
    )
    assert resolved({"text": "type:string", "analyzer": "char"}) == (
        Text("carrier", "char", (3, 5)),
        Text("origin", "char", (3, 5)),
    )
    assert resolved({"text": "origin", "ngrams": [2, 4]}) == (Text("origin", "word", (2, 4)),)


def test_a_column_named_one_by_one_is_left_alone_by_patterns():
    features = resolved(
        {"numeric": "type:integer", "indicator": True},
        {"categorical": ["hour"]},
        {"numeric": "pixel_1", "scale": "none"},
    )
    assert set(features) == {
        Categorical("hour"),
        Numeric("pixel_1", scale="none"),
        Numeric("pixel_0"),
        Indicator("pixel_0"),
    }


def test_one_column_may_give_several_features_under_names_of_their_own():
    names = [f.name for f in resolved({"numeric": "hour"}, {"binned": "hour"})]
    assert names == ["hour", "hour_bin"]
    text = [{"categorical": "origin"}, {"text": "origin"}, {"text": "origin", "analyzer": "char"}]
    assert [f.name for f in resolved(*text)] == ["origin", "origin_words", "origin_chars"]
    assert resolved(*text, {"cross": [["origin", "hour"]]})[-1].name == "origin×hour"


def test_crosses_take_declared_categories_and_plain_columns():
    features = resolved(
        {"cross": [["carrier", "hour"], ["weekend", "distance_bin", "departure_hour"]]},
        {"binned": "distance", "edges": [0]},
        {"date": "departure", "parts": ["hour"]},
        {"numeric": "hour"},
    )
    assert features[-2:] == (
        Cross((Categorical("carrier"), Categorical("hour"))),
        Cross((Categorical("weekend"), Binned("distance", (0.0,)), DatePart("departure", "hour"))),
    )


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([{"numeric": "late"}], "label 'late' cannot be a feature: it would leak"),
        ([{"cross": [["late", "carrier"]]}], "label 'late' cannot be a feature: it would leak"),
        ([{"numeric": "distanc"}], "'distanc', which is not a column.*Did you mean 'distance'"),
        ([{"numeric": "pxl_*"}], "'pxl_[*]', which matches no column.*'pixel_0'"),
        ([{"numeric": "l*te"}], "'l[*]te', which matches no column"),
        ([{"numeric": "type:int"}], "'int' is not a type.*Did you mean 'integer'"),
        ([{"numeric": "carrier"}], "expected a number; got dictionary.*`categorical:`"),
        ([{"numeric": "weekend"}], "expected a number; got bool.*`boolean:`"),
        ([{"boolean": "hour"}], "expected a boolean; got int16"),
        ([{"categorical": "distance"}], "got float.*`binned:`, which makes.*distance_bin"),
        ([{"categorical": "fare"}], "got decimal.*`numeric:`"),
        ([{"categorical": "day"}], "got date32.*`date:`"),
        ([{"categorical": "stops"}], "expected a string, integer or boolean; got list"),
        ([{"text": "hour"}], "'hour_words' cannot .*expected a string; got int16.*`categorical:`"),
        ([{"text": "distance"}], "expected a string; got float$"),
        ([{"text": "origin"}, {"cross": [["origin", "hour"]]}], "'origin', which is text"),
        ([{"text": "origin"}, {"cross": [["origin_words", "hour"]]}], "expected categories"),
        ([{"text": "origin"}, {"text": ["ori*", "origin"]}], "would be called 'origin_words'"),
        ([{"date": "hour"}], "expected a date or timestamp; got int16"),
        ([{"date": "day", "parts": ["hour"]}], "expected a timestamp.*no time of day"),
        ([{"cross": [["carrier", "distance"]]}], "'carrier×distance'.*distance_bin"),
        ([{"cross": [["carrier", "hour_bin"]]}], "neither a category nor a column"),
        ([{"cross": [["carrier"]]}], "two or more different features"),
        ([{"cross": [["carrier", "carrier"]]}], "two or more different features"),
        ([{"binned": "hour", "edges": [2, 1]}], "do not make bins"),
        ([{"binned": "hour", "edges": []}], "do not make bins"),
        ([{"binned": "hour", "edges": [float("inf")]}], "do not make bins"),
        ([{"numeric": "hour"}, {"categorical": "hour"}], "Two features would be called 'hour'"),
        ([], "No column of the table"),
    ],
)
def test_impossible_features_are_refused_with_a_hint(groups, message):
    with pytest.raises(ConfigurationError, match=message):
        resolved(*groups)
