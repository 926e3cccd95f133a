"""The example of a SparkApplication: its structure, and that it says what petafit understands.

The operator's own schema is in no package that can be installed here: the fields are checked by the
names and types of its v1beta2.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from petafit.cli.commands import app

ROOT = Path(__file__).parents[2]
KINDS = {
    "type": str, "pythonVersion": str, "mode": str, "image": str, "imagePullPolicy": str,
    "sparkVersion": str, "mainApplicationFile": str, "arguments": list, "restartPolicy": dict,
    "sparkConf": dict, "driver": dict, "executor": dict,
}  # fmt: skip
ROLE = {"cores": int, "memory": str, "memoryOverhead": str, "serviceAccount": str, "instances": int}


@pytest.fixture
def application() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "conf/kubernetes/train.yaml").read_text(encoding="utf-8"))


def test_its_structure(application: dict[str, Any]) -> None:
    assert application["apiVersion"] == "sparkoperator.k8s.io/v1beta2"
    assert application["kind"] == "SparkApplication"
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", application["metadata"]["name"])
    spec = application["spec"]
    assert {"type", "sparkVersion", "mainApplicationFile", "driver", "executor"} <= set(spec)
    assert {name: type(value) for name, value in spec.items()} == {
        name: KINDS[name] for name in spec
    }
    assert (spec["type"], spec["mode"]) == ("Python", "cluster")
    for role in ("driver", "executor"):
        assert {name: type(value) for name, value in spec[role].items()} == {
            name: ROLE[name] for name in spec[role]
        }
    assert all(isinstance(value, str) for value in spec["sparkConf"].values())
    assert all(isinstance(value, str) for value in spec["arguments"])


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
