"""The object store of an environment: as variables for pyarrow and delta-rs, and on the way to
workers."""

import os
import pickle
import subprocess
import sys

import pytest
from pyarrow import fs
from pydantic import ValidationError

from petafit.config.storage import Storage
from petafit.store.filesystem import Folder
from petafit.store.object_storage import export, exported

MINIO = Storage(endpoint="http://127.0.0.1:9", region="eu-west-1")


@pytest.fixture(autouse=True)
def as_before():
    before = dict(os.environ)
    yield
    export({})
    os.environ.clear()
    os.environ.update(before)


def test_an_endpoint_is_stated_once_for_all_that_reads():
    assert MINIO.variables() == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
    }
    assert MINIO.hadoop_settings() == {
        "fs.s3a.endpoint": "http://127.0.0.1:9",
        "fs.s3a.endpoint.region": "eu-west-1",
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
    }


def test_without_settings_nothing_changes():
    before = dict(os.environ)
    export(Storage().variables())
    assert dict(os.environ) == before
    assert Storage().hadoop_settings() == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "minio:9000"},
        {"endpoint": "s3://minio"},
        {"endpoint": "http://key:secret@minio:9000"},
        {"anonymous": True, "profile": "mine"},
        {"bucket": "mine"},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Storage(**wrong)


def test_the_settings_of_the_next_job_replace_those_of_the_last():
    export(MINIO.variables())
    export(Storage(region="eu-west-2").variables())
    assert os.environ["AWS_REGION"] == "eu-west-2"
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_a_worker_reaches_the_storage_of_the_folder_that_it_is_given():
    export(MINIO.variables())
    folder = pickle.dumps(Folder("s3://bucket/runs"))
    export({})
    code = (
        "import os, pickle, sys; folder = pickle.loads(sys.stdin.buffer.read());"
        "print(os.environ['AWS_ENDPOINT_URL'], folder.filesystem.region)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=folder, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["http://127.0.0.1:9", "eu-west-1"]


def test_a_client_is_not_kept_for_another_storage():
    export(MINIO.variables())
    first = Folder("s3://bucket/runs").filesystem
    export(MINIO.model_copy(update={"region": "eu-west-2"}).variables())
    assert Folder("s3://bucket/runs").filesystem.region == "eu-west-2"
    assert first.region == "eu-west-1"


def test_no_credentials_are_asked_for_public_buckets():
    export(Storage(endpoint=MINIO.endpoint, anonymous=True, region="eu-west-1").variables())
    found = Folder("s3://bucket/runs").filesystem
    expected = fs.S3FileSystem(anonymous=True, region="eu-west-1")
    assert found.equals(expected)
    assert exported()["AWS_SKIP_SIGNATURE"] == "true"
