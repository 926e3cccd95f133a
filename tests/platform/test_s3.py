"""Tables, runs, models and predictions on an S3 server, as the environment's settings name it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyarrow import fs

from tests.platform.s3_server import BUCKET, CREDENTIALS, connected, s3_server
from tests.small import settings_in

pytestmark = pytest.mark.platform

TASK = """
label: late
keys: [id]
split: {train: month <= 9, test: month >= 10}
features: [{numeric: speed}, {categorical: city}, {boolean: weekend}]
hash_bits: 12
training: {shards: 3, rounds: 2, batch_rows: 100}
"""
LOCAL = "spark: {master: 'local[2]', submit: {spark.ui.enabled: false}}\n"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def place(server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the settings of two environments: this disk, and the server."""
    folder = tmp_path_factory.mktemp("s3")
    table = settings_in(folder).table.uri
    fs.copy_files(
        table, f"{BUCKET}/table", source_filesystem=fs.LocalFileSystem(),
        destination_filesystem=connected(server),
    )  # fmt: skip
    for name, root in (("disk", folder), ("s3", f"s3://{BUCKET}")):
        settings = folder / "conf" / f"{name}.yaml"
        settings.parent.mkdir(exist_ok=True)
        storage = f"storage: {{endpoint: '{server}', region: us-east-1}}\n" if name == "s3" else ""
        paths = {part: f"{root}/{part}" for part in ("data", "runs", "models")}
        settings.write_text(f"{LOCAL}paths: {paths}\ntable: {root}/table\n{storage}")
    (folder / "conf/tasks").mkdir()
    (folder / "conf/base.yaml").write_text("{}")
    (folder / "conf/tasks/small.yaml").write_text(TASK)
    return folder


def petafit(place: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [Path(sys.executable).parent / "petafit", *arguments, "--conf", str(place / "conf")],
        env=clean | CREDENTIALS | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def manifest(place: Path, *arguments: str) -> dict[str, Any]:
    done = petafit(place, *arguments, "--task", "small", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_jobs_do_on_s3_what_they_do_on_a_disk(place: Path, server: str) -> None:
    models, losses, scored = [], [], []
    on_server = {
        **{name.lower(): value for name, value in CREDENTIALS.items()},
        **{"aws_endpoint_url": server, "aws_region": "us-east-1", "aws_allow_http": "true"},
    }
    roots = {"disk": (str(place), None), "s3": (f"s3://{BUCKET}", on_server)}
    for environment, (root, options) in roots.items():
        models.append(manifest(place, "train", "--env", environment)["model"]["digest"])
        local = ("--env", environment, "--set", "engine=local")
        losses.append(manifest(place, "evaluate", *local)["metrics"]["log_loss"])
        manifest(place, "score", *local, "--set", f"score.output={root}/scored")
        found = DeltaTable(f"{root}/scored", storage_options=options).to_pyarrow_table()
        scored.append(found.sort_by("id").drop_columns("run_id"))
    assert models[0] == models[1]
    assert losses[0] == losses[1]
    assert scored[0].num_rows == 6000
    assert scored[0].equals(scored[1])


def test_a_task_is_proposed_for_a_table_on_the_server(place: Path) -> None:
    done = petafit(
        place, "init", f"s3://{BUCKET}/table", "--label", "late", "--task", "new", "--env", "s3"
    )
    assert done.returncode == 0, done.stderr
    assert "city" in (place / "conf/tasks/new.yaml").read_text()


def test_a_server_that_is_gone_is_one_clear_error(place: Path) -> None:
    gone = ("--set", "storage.endpoint=http://127.0.0.1:9", "--set", "engine=local")
    done = petafit(place, "train", "--task", "small", "--env", "s3", *gone)
    assert done.returncode in (1, 2)
    assert "s3://bucket" in done.stderr
    assert "Traceback" not in done.stderr
