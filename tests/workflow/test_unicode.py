"""Tables that hold the same text composed in some rows and decomposed in others."""

import json
import logging
import shutil
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ContractError
from petafit.store.runs import Run
from petafit.workflow.evaluate import evaluate
from petafit.workflow.explain import explain
from petafit.workflow.init import write_task_file
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import rewrite, table, with_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WAYS = [("local", "direct"), ("spark", "direct"), ("spark", "scan")]
LATE = "tardé"


def mixed(form: str | None = None) -> pa.Table:
    """The small table with accents in cities, labels and keys: in one form, or in two by turns."""
    rows = table()
    place = range(rows.num_rows)

    def texts(values: list[str]) -> pa.Array:
        forms = [form or ("NFC", "NFD")[i // 7 % 2] for i in place]
        return pa.array([unicodedata.normalize(f, v) for f, v in zip(forms, values, strict=True)])

    city = [f"Zürich Örtli {name[5:]}" for name in rows["city"].to_pylist()]
    late = [LATE if late else "à l'heure" for late in rows["late"].to_pylist()]
    key = [f"clé {i}" for i in place]
    changed = {"city": texts(city), "late": texts(late), "key": texts(key)}
    return pa.table({**{name: rows[name] for name in rows.column_names}, **changed})


def task(settings: Settings, rows: pa.Table, **changes: Any) -> Settings:
    rewrite(settings, rows)
    features = [
        {"numeric": "speed"},
        {"categorical": ["city", "month"]},
        {"text": "city", "analyzer": "char", "ngrams": [1, 2]},
        {"cross": [["city", "weekend"]]},
    ]
    changes = {"training": {"shards": 1}, **changes}  # files are dealt by their sizes
    return with_settings(settings, features=features, keys=("key",), **changes)


def scored(run: Run) -> pa.Table:
    (output,) = run.manifest["outputs"]
    rows = pa.concat_tables(pq.read_table(path) for path in Path(output["path"]).rglob("*.parquet"))
    return rows.sort_by("key") if "key" in rows.column_names else rows


def measured(run: Run) -> dict[str, float]:
    return {name: v for name, v in run.manifest["metrics"].items() if name != "rows_per_second"}


@pytest.mark.parametrize("form", ["NFC", "NFKD"])
def test_a_task_gives_the_result_for_normalized_rows(settings: Settings, form: str) -> None:
    plain = task(settings, mixed(form))
    train(plain)
    expected = measured(evaluate(plain))
    predicted = petafit.load_model(f"{plain.paths.models}/small").predict_proba(mixed(form))

    named = task(settings, mixed(), unicode=form, model="mixed")
    content = train(named).manifest
    assert measured(evaluate(named)) == expected
    model = petafit.load_model(f"{named.paths.models}/mixed")
    named_so = (unicodedata.normalize(form, each) for each in ("à l'heure", LATE))
    assert model.classes == tuple(sorted(named_so))
    np.testing.assert_array_equal(model.predict_proba(mixed()), predicted)
    np.testing.assert_array_equal(model.predict_proba(mixed().to_pandas()), predicted)
    assert content["rows"]["used"] == content["rows"]["in"]

    without = with_settings(named, unicode=None, model="without")
    assert len(petafit.load_model(_trained(without)).classes or ()) == 4


def _trained(settings: Settings) -> str:
    train(settings)
    return f"{settings.paths.models}/{settings.model_name}"


def test_keys_and_labels_are_written_as_they_are_stored(settings: Settings) -> None:
    named = task(settings, mixed(), unicode="NFC", label={"classes": ["à l'heure", LATE]})
    train(named)
    rows = scored(score(named))
    stored = mixed().sort_by("key")
    assert rows["key"].to_pylist() == stored["key"].to_pylist()
    assert rows["late"].to_pylist() == stored["late"].to_pylist()
    assert set(rows["prediction"].to_pylist()) == {"à l'heure", LATE}


def test_a_model_keeps_its_form_if_the_task_changes(settings: Settings) -> None:
    named = task(settings, mixed(), unicode="NFC")
    train(named)
    expected = measured(evaluate(named))
    assert measured(evaluate(with_settings(named, unicode=None))) == expected


@pytest.mark.parametrize("classes", [None, ["à l'heure", LATE]])
def test_every_engine_and_stream_gives_the_same(
    spark: "SparkSession", settings: Settings, classes: list[str] | None
) -> None:
    named = task(settings, mixed(), unicode="NFC", label={"classes": classes})
    named = with_settings(named, learner="sklearn.MultinomialNB")  # merges exactly
    named = with_settings(named, features=[{"categorical": "city"}, {"text": "city"}])
    found = []
    for engine, stream in WAYS:
        way = with_settings(
            named, engine=engine, stream=stream, model=f"{engine}-{stream}",
            score={"output": f"{named.paths.data}/{engine}-{stream}", "format": "parquet"},
        )  # fmt: skip
        given = spark if engine == "spark" else None
        train(way, spark=given)
        rows = scored(score(way, spark=given))
        found.append((measured(evaluate(way, spark=given)), rows.select(["key", "probability"])))
    for metrics, rows in found[1:]:
        assert metrics == pytest.approx(found[0][0])
        assert rows["key"].equals(found[0][1]["key"])
        np.testing.assert_allclose(rows["probability"], found[0][1]["probability"], rtol=1e-6)


def test_learners_of_mllib_see_one_form_too(spark: "SparkSession", settings: Settings) -> None:
    changes = {
        "engine": "spark",
        "hash_bits": 8,
        "learner": {"name": "mllib.NaiveBayes"},
    }
    plain = task(settings, mixed("NFC"), **changes)
    plain = with_settings(
        plain, features=[{"categorical": "city"}, {"text": "city"}, {"cross": [["city", "month"]]}]
    )
    train(plain, spark=spark)
    expected = measured(evaluate(plain, spark=spark))
    rewrite(settings, mixed())
    named = with_settings(plain, unicode="NFC", model="mixed")
    train(named, spark=spark)
    assert measured(evaluate(named, spark=spark)) == pytest.approx(expected)


def test_classes_in_two_forms_are_reported(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    named = task(settings, mixed())
    with caplog.at_level(logging.WARNING, "petafit"):
        train(named)
    assert any(
        'two classes of the label are one text, "à l\'heure"' in message
        and "`unicode: NFC`" in message
        for message in caplog.messages
    )
    caplog.clear()
    with caplog.at_level(logging.WARNING, "petafit"):
        train(with_settings(named, unicode="NFC"))
    assert "two classes" not in caplog.text


def test_classes_that_look_like_listed_ones_are_reported(settings: Settings) -> None:
    named = task(settings, mixed(), label={"classes": ["à l'heure", LATE]})
    with pytest.raises(ContractError, match=r"no known class.*look the same: `unicode: NFC`"):
        train(named)


def test_partitions_are_one_category_whatever_the_form_of_their_folders(settings: Settings) -> None:
    rows = mixed()
    named = task(settings, rows, unicode="NFC", learner="sklearn.MultinomialNB")  # merges exactly
    features = [{"categorical": "city"}, {"cross": [["city", "weekend"]]}]
    named = with_settings(named, features=features)
    expected = petafit.load_model(_trained(named)).predict_proba(rows)

    shutil.rmtree(named.table.uri)
    for city in rows["city"].unique():
        part = rows.filter(pa.compute.equal(rows["city"], city)).drop_columns("city")
        for month in range(1, 13):
            below = part.filter(pa.compute.equal(part["month"], month))
            folder = Path(named.table.uri, f"city={city.as_py()}")
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(below, folder / f"month-{month:02d}.parquet")
    assert len(list(Path(named.table.uri).iterdir())) == 40
    found = petafit.load_model(_trained(named)).predict_proba(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def by_place(settings: Settings, rows: pa.Table, model: str) -> dict[str, Any]:
    """Influence of the partitions of a table with a folder for each text of its column `place`."""
    folder = Path(settings.table.uri).with_name(model)
    for place in rows["place"].unique():
        below = folder / f"place={place.as_py()}"
        below.mkdir(parents=True)
        part = rows.filter(pa.compute.equal(rows["place"], place))
        pq.write_table(part.drop_columns("place"), below / "part.parquet", row_group_size=200)
    changes = {"keep_summaries": "place", "merge": "evidence", "rounds": 1, "shards": None}
    named = with_settings(settings, table=str(folder), unicode="NFC", model=model, training=changes)
    train(named)
    told = explain(with_settings(named, explain={"influence": "partitions"}))
    return json.loads(told.folder.read("influence.json"))


def test_explain_tells_of_one_partition_what_both_forms_contribute(settings: Settings) -> None:
    """Texts of both forms in features, in the label and in the names of partitions."""
    places = pa.array(["Zürich", "Málaga", "Ōsaka"]).take(pa.array(np.arange(6000) // 7 % 3))

    def placed(rows: pa.Table, *forms: str) -> pa.Table:
        texts = zip(places.to_pylist(), np.arange(6000) // 21 % len(forms), strict=True)
        column = pa.array([unicodedata.normalize(forms[i], text) for text, i in texts])
        return rows.append_column("place", column)

    plain = task(settings, mixed("NFC"), learner="sklearn.MultinomialNB")  # merges exactly
    plain = with_settings(plain, features=[{"categorical": ["city", "place"]}, {"text": "city"}])
    expected = by_place(plain, placed(mixed("NFC"), "NFC"), "plain")
    found = by_place(plain, placed(mixed(), "NFC", "NFD"), "mixed")
    assert len(found["partitions"]) == 3
    assert {each["partition"] for each in found["partitions"]} == {
        each["partition"] for each in expected["partitions"]
    }
    for one, other in zip(found["partitions"], expected["partitions"], strict=True):
        assert one.pop("interval") == pytest.approx(other.pop("interval"))
        assert one == pytest.approx(other)


def test_init_sets_the_form_where_a_text_has_two(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    rewrite(settings, mixed())
    for label, comment in (("weekend", "city has Zürich"), ("late", f"late has {LATE}")):
        text = write_task_file(settings.table.uri, label=label, force=True).read_text()
        (line,) = (line for line in text.splitlines() if line.startswith("unicode:"))
        assert line.startswith(f"unicode: NFC # {comment}")
    (classes,) = (line for line in text.splitlines() if "kind: classes" in line)
    assert classes.count("%") == 2
    rewrite(settings, mixed("NFD"))
    assert (
        "unicode:" not in write_task_file(settings.table.uri, label="late", force=True).read_text()
    )
