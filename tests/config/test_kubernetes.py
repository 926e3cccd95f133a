"""The example of a SparkApplication: by the operator's own schema, and by what petafit takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from petafit.cli.commands import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def application() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "conf/kubernetes/train.yaml").read_text(encoding="utf-8"))


def parsed(application: dict[str, Any]) -> Any:
    """The fields that the operator's own types have; raises where one is of another type."""
    # not among the oldest packages
    models = pytest.importorskip("kubeflow_spark_api.models")
    return models.SparkV1beta2SparkApplication.from_dict(application).to_dict()


def test_it_fits_the_operator_s_schema(application: dict[str, Any]) -> None:
    assert application["apiVersion"] == "sparkoperator.k8s.io/v1beta2"
    assert application["kind"] == "SparkApplication"
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", application["metadata"]["name"])
    assert parsed(application) == application


def test_a_field_that_the_operator_lacks_is_found(application: dict[str, Any]) -> None:
    application["spec"]["driver"]["memoryOverhed"] = "1g"
    assert parsed(application) != application
    application["spec"]["driver"] = {"cores": "many"}
    with pytest.raises(ValueError, match="cores"):
        parsed(application)


def test_it_runs_a_job_of_this_version(application: dict[str, Any]) -> None:
    spec = application["spec"]
    pinned = re.search(r"^pyspark\S*==([\d.]+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert pinned
    assert spec["sparkVersion"] == pinned[1]
    job = Path(spec["mainApplicationFile"].removeprefix("local://"))
    assert (ROOT / "jobs" / job.name).is_file()
    command = typer.main.get_command(app).commands[job.stem]  # type: ignore[attr-defined]
    given = command.make_context(job.stem, list(spec["arguments"])).params
    assert (ROOT / "conf/tasks" / f"{given['task']}.yaml").is_file()
    assert (ROOT / "conf" / f"{given['env']}.yaml").is_file()
