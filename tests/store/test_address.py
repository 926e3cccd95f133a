"""Addresses: one folder, spelled for the user, for pyarrow and for Spark."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError, StorageError
from petafit.store.address import Address

parts = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8)
parts = parts.filter(lambda part: part not in (".", ".."))


@pytest.mark.parametrize(
    ("text", "uri", "arrow_root", "spark_uri"),
    [
        ("/data/x/", "/data/x", "file:///", "file:///data/x"),
        ("/data/../x", "/x", "file:///", "file:///x"),
        ("/", "/", "file:///", "file:///"),
        ("/a b%20c", "/a b%20c", "file:///", "file:///a b%20c"),
        ("file:///data/x%20y", "/data/x y", "file:///", "file:///data/x y"),
        ("file:/data/x", "/data/x", "file:///", "file:///data/x"),
        ("s3://b/k/", "s3://b/k", "s3://b/", "s3a://b/k"),
        ("s3a://b/k", "s3a://b/k", "s3://b/", "s3a://b/k"),
        ("S3N://b/k", "s3n://b/k", "s3://b/", "s3a://b/k"),
        ("s3a://b", "s3a://b", "s3://b/", "s3a://b/"),
        ("s3://b/a b?region=x", "s3://b/a%20b?region=x", "s3://b/?region=x", "s3a://b/a b"),
        ("gs://b/k", "gs://b/k", "gs://b/", "gs://b/k"),
        ("gcs://b/k", "gcs://b/k", "gcs://b/", "gs://b/k"),
        ("hdfs://nn:8020/k", "hdfs://nn:8020/k", "hdfs://nn:8020/", "hdfs://nn:8020/k"),
        ("hdfs:///k", "hdfs:///k", "hdfs:///", "hdfs:///k"),
        ("abfss://c@a.net/k", "abfss://c@a.net/k", "abfss://c@a.net/", "abfss://c@a.net/k"),
    ],
)
def test_one_folder_three_spellings(text, uri, arrow_root, spark_uri):
    address = Address.parse(text)
    assert (address.uri, address.arrow_root, address.spark_uri) == (uri, arrow_root, spark_uri)


def test_local_paths_become_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Address.parse("runs").uri == str(tmp_path / "runs")
    assert Address.parse("../runs").uri == str(tmp_path.parent / "runs")
    assert Address.parse(Path("runs")).uri == str(tmp_path / "runs")
    assert Address.parse("~/runs").uri == str(tmp_path / "home/runs")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["/data", "s3a://bucket/top?region=x", "hdfs://nn:8020"]), parts, parts)
def test_children_parse_back_and_split(top, first, second):
    parent = Address.parse(top).child([first])
    child = parent.child([second])
    assert Address.parse(child.uri) == child
    assert child.split() == (parent, second)
    assert child == Address.parse(top).child([f"{first}/{second}"])


@pytest.mark.parametrize("name", ["..", ".", "", "/etc", "a/../..", "a//b", "a/", "a\0b"])
@pytest.mark.parametrize("top", ["/data", "s3://bucket/top"])
def test_no_name_leaves_its_folder(top, name):
    with pytest.raises(StorageError, match="leaves its folder"):
        Address.parse(top).child([name])


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIA:hunter2@bucket/x",
        "abfs://c:hunter2@a.net/x",
        "abfs://c@a.net/x?sas_token=hunter2",
        "s3://bucket/x?secret_key=hunter2",
        "abfss://c@a.net/x?sv=2024&sig=hunter2",
        "abfs://c@a.net/x?SIG=hunter2",
        "abfs://c@a.net/x?sas=hunter2",
        "s3://bucket/x?X-Amz-Signature=hunter2",
        "s3://bucket/x?credential=hunter2",
        "gs://bucket/x?pwd=hunter2",
        "s3://bucket/x?accesskeyid=hunter2",
        "s3a://AKIA:hun/hunter2@bucket/x",
        "s3a://AKIA:hunter2/x@bucket/x",
    ],
)
def test_a_uri_with_a_secret_is_refused_without_repeating_it(uri):
    with pytest.raises(ConfigurationError, match="password or a key") as refused:
        Address.parse(uri)
    assert "hunter2" not in str(refused.value)


def test_an_empty_path_is_refused():
    with pytest.raises(ConfigurationError, match="empty"):
        Address.parse("")


@pytest.mark.parametrize(
    "uri",
    ["jdbc:postgresql://me:hunter2@db/x", "jdbc:oracle:thin:me/hunter2@db:1521", "dav:https://x/y"],
)
def test_a_uri_of_a_database_is_no_folder(uri):
    with pytest.raises(ConfigurationError, match="names no folder") as refused:
        Address.parse(uri)
    assert "hunter2" not in str(refused.value)
