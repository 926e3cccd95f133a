"""Exported graphs, run by ONNX Runtime as in a service: one array for each column."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.exports.onnx.calendar import civil, clock
from petafit.exports.onnx.graph import Graph
from petafit.exports.onnx.inputs import NULL_INTEGER, NULL_TEXT
from petafit.features.encoding.hashing import feature_index
from petafit.workflow.train import train
from tests.exports.everything import CYCLIC, FEATURES, settings_in, table
from tests.small import with_settings

REGRESSOR = "petafit.OnlineLinearRegressor"
POISSON = {"name": REGRESSOR, "params": {"loss": "poisson", "learning_rate": 0.01}}
HINGE = {"name": "petafit.OnlineLinearClassifier", "params": {"loss": "hinge"}}


def exported(settings: Settings, rows: pa.Table) -> tuple[Any, dict[str, np.ndarray]]:
    """Train and export; return the model, and what the graph says of the rows."""
    train(settings)
    petafit.export(with_settings(settings, export={"to": "onnx"}))
    session = onnxruntime.InferenceSession(f"{settings.export.output}/model.onnx")
    names = [each.name for each in session.get_outputs()]
    found = session.run(None, arrays(rows, [each.name for each in session.get_inputs()]))
    model = petafit.load_model(f"{settings.paths.models}/everything")
    return model, dict(zip(names, found, strict=True))


def arrays(rows: pa.Table, names: list[str]) -> Mapping[str, np.ndarray]:
    """The arrays that an engineer makes of a frame's columns, by the page on export."""
    frame, made = rows.to_pandas(integer_object_nulls=True), {}
    for name in names:
        column = frame[name]
        if name in ("city", "it's a.`name`"):
            made[name] = column.fillna(r"\N").to_numpy(object)
        elif name in ("code", "long"):
            made[name] = column.where(column.notna(), -(2**63)).to_numpy("int64")
        elif name == "day":
            made[name] = column.to_numpy("datetime64[D]").astype("int64")
        elif name in ("instant", "local"):
            made[name] = column.to_numpy("datetime64[us]").astype("int64")
        else:
            made[name] = column.astype("float64").to_numpy()
    return made


@pytest.mark.parametrize("seed", [0, 1])
def test_every_feature_gives_the_same_probabilities(tmp_path: Path, seed: int) -> None:
    rows = table(seed=seed)
    unseen = pa.array([f"unseen {n}" if n % 2 else None for n in range(rows.num_rows)])
    rows = rows.set_column(rows.schema.get_field_index("city"), "city", unseen) if seed else rows
    model, found = exported(settings_in(tmp_path, features=[*FEATURES, *CYCLIC]), rows)
    own = model.predict_proba(rows)
    assert np.abs(found["probabilities"] - own).max() < 1e-6
    assert own[:, 1].std() > 0.1
    assert found["predicted_class"].astype(bool).tolist() == model.predict(rows).tolist()


def test_several_classes(tmp_path: Path) -> None:
    model, found = exported(settings_in(tmp_path, label="kind"), table())
    assert np.abs(found["probabilities"] - model.predict_proba(table())).max() < 1e-6
    assert found["predicted_class"].tolist() == model.predict(table()).tolist()
    assert len(set(found["predicted_class"])) == 3


@pytest.mark.parametrize("learner", [POISSON, REGRESSOR, "petafit.Ridge"])
def test_regressors(tmp_path: Path, learner: Any) -> None:
    label = "value" if learner == REGRESSOR else "items"
    model, found = exported(
        settings_in(tmp_path, label=label, learner=learner, hash_bits=6), table()
    )
    own = model.predict(table())
    assert np.allclose(found["prediction"], own, rtol=1e-6, atol=1e-6)
    assert own.std() > 0.1


@pytest.mark.parametrize("label", ["late", "kind"])
def test_margins(tmp_path: Path, label: str) -> None:
    model, found = exported(settings_in(tmp_path, label=label, learner=HINGE), table())
    assert found.keys() == {"predicted_class", "margins"}
    said = found["predicted_class"].tolist()
    assert (said if label == "kind" else [*map(bool, said)]) == model.predict(table()).tolist()


def test_numbers_alone_need_no_hash(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, features=[{"numeric": "speed"}])
    model, found = exported(settings, table())
    assert np.abs(found["probabilities"] - model.predict_proba(table())).max() < 1e-6
    graph = onnx.load(f"{settings.export.output}/model.onnx").graph
    assert "MurmurHash3" not in {node.op_type for node in graph.node}


def test_columns_may_have_the_names_of_other_values(tmp_path: Path) -> None:
    renamed = table().rename_columns({"speed": "v0", "city": "v_1", "amount": "v__2"})
    features = [{"numeric": "v0"}, {"categorical": "v_1"}, {"binned": "v__2"}]
    settings = settings_in(tmp_path, features=features)
    pq.write_table(renamed, f"{settings.table.uri}/rows.parquet")
    train(settings)
    found = petafit.export(with_settings(settings, export={"to": "onnx"}))
    assert found.manifest["metrics"]["largest_difference"] < 1e-6


def test_a_column_with_the_name_of_an_output_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, features=[{"numeric": "prediction"}])
    renamed = table().rename_columns({"speed": "prediction"})
    pq.write_table(renamed, f"{settings.table.uri}/rows.parquet")
    train(settings)
    with pytest.raises(ConfigurationError, match=r"'prediction' has the name of an output"):
        petafit.export(with_settings(settings, export={"to": "onnx"}))


def test_the_graph_says_how_to_give_null(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    exported(settings, table())
    model = onnx.load(f"{settings.export.output}/model.onnx")
    said = {each.key: each.value for each in model.metadata_props}
    assert said["null_text"] == NULL_TEXT
    assert int(said["null_integer"]) == NULL_INTEGER == np.datetime64("NaT").astype("int64")
    assert (said["name"], said["version"]) == ("everything", "1")
    docs = {each.name: each.doc_string for each in model.graph.input}
    assert docs["city"] == r"text; \N is null"
    assert docs["speed"].endswith("NaN is null")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=9))
def test_hashes_are_those_of_features(texts: list[str]) -> None:
    """Whatever the length of a text in bytes: a tail of 1 to 3 bytes is hashed on its own."""
    graph = Graph()
    graph.input("text", TensorProto.STRING, "")
    named = graph.add("StringConcat", graph.constant("a=", object), "text")
    hashed = graph.add("MurmurHash3", named, domain="com.microsoft", seed=42, positive=1)
    graph.output("hash", graph.cast(hashed, TensorProto.INT64), TensorProto.INT64, [], "")
    (found,) = run(graph, text=np.array(texts, object))
    assert (found % 2**20).tolist() == [feature_index(f"a={text}", 20) for text in texts]


@given(st.lists(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999), min_size=1))
def test_the_calendar_is_that_of_arrow(microseconds: list[int]) -> None:
    graph = Graph()
    graph.input("at", TensorProto.INT64, "")
    parts = ("year", "month", "day", "day_of_week", "hour", "minute")
    for part in parts:
        made = (
            clock(graph, "at", part)
            if part in ("hour", "minute")
            else civil(graph, "at", part, in_days=False)
        )
        graph.output(part, made, TensorProto.INT64, [], "")
    moments = pa.array(microseconds, pa.timestamp("us"))
    for part, found in zip(parts, run(graph, at=np.array(microseconds)), strict=True):
        assert found.tolist() == getattr(pc, part)(moments).to_pylist()


def run(graph: Graph, **inputs: np.ndarray) -> list[np.ndarray]:
    content = graph.finished("test", "", {}).SerializeToString()
    return list(onnxruntime.InferenceSession(content).run(None, inputs))


def test_unsigned_categories_are_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, features=[{"categorical": "code"}])
    rewrite_code_as(settings, pa.uint64())
    train(settings)
    with pytest.raises(ConfigurationError, match=r"'code' cannot be an input of ONNX.*uint64"):
        petafit.export(with_settings(settings, export={"to": "onnx"}))


def rewrite_code_as(settings: Settings, kind: pa.DataType) -> None:
    rows = table()
    code = pc.add(rows["code"], 3).cast(kind)
    rows = rows.set_column(rows.schema.get_field_index("code"), "code", code)
    pq.write_table(rows, f"{settings.table.uri}/rows.parquet")


def test_the_certificate_says_what_was_compared(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    exported(settings, table())
    said = json.loads((Path(str(settings.export.output)) / "certificate.json").read_text())
    assert said["rows"] == table().num_rows
    assert 0 <= said["largest_difference"] < 1e-6 == said["tolerance"]
    assert said["versions"]["onnxruntime"] == onnxruntime.__version__
    assert said["versions"]["opset"] == {"ai.onnx": 20, "com.microsoft": 1}
    model = petafit.load_model(f"{settings.paths.models}/everything")
    assert said["model"] == model.version.identity  # type: ignore[union-attr]
