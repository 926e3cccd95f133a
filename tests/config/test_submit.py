"""Arguments of spark-submit, and the private file of secrets."""

import shlex
import stat
from pathlib import Path

import pytest

from petafit.config.settings import Settings
from petafit.config.submit import submit_arguments
from petafit.errors import ConfigurationError

SECRET = {"spark.hadoop.fs.s3a.secret.key": "hunter2/+= \\é\U0001f600#!:"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def settings(*, master: str | None = None, **submit: object) -> Settings:
    spark = {"master": master, "submit": submit}
    return Settings(task="t", table="t", label="y", spark=spark)


def properties_file(words: list[str]) -> Path:
    return Path(words[words.index("--properties-file") + 1])


def test_arguments_need_no_quotes() -> None:
    words = submit_arguments(
        settings(master="yarn", **{"spark.ui.enabled": False, "spark.x": 2, "spark.y": ""})
    )
    expected = ["--master", "yarn", "--conf", "spark.ui.enabled=false", "--conf", "spark.x=2"]
    assert words == shlex.split(" ".join(words)) == [*expected, "--conf", "spark.y="]
    assert submit_arguments(settings()) == []


@pytest.mark.parametrize(
    "private",
    [
        SECRET,
        {"spark.x": "-Da=b -Dc=d"},
        {"spark.x": "a\tb"},
        {"spark.x": "*.jar"},
        {"spark.driver.extraJavaOptions": "-Dtoken=hunter2"},
        {"spark.x.url": "jdbc:mysql://me:hunter2@db/x"},
    ],
    ids=["secret", "spaces", "tab", "pattern", "option", "password"],
)
def test_secrets_and_values_with_spaces_go_into_a_private_file(
    cache: Path, private: dict[str, str]
) -> None:
    chosen = settings(**private, **{"spark.executor.cores": 2})
    words = submit_arguments(chosen)
    file = properties_file(words)
    assert words == ["--conf", "spark.executor.cores=2", *words[2:]]
    assert words[2:] == ["--load-spark-defaults", "--properties-file", str(file)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert submit_arguments(chosen) == words
    assert [path for path in cache.rglob("*") if path.is_file()] == [file]


def test_a_master_with_a_password_goes_into_the_file() -> None:
    words = submit_arguments(settings(master="spark://me:hunter2@host:7077"))
    assert "hunter2" not in " ".join(words)
    assert "spark.master=" in properties_file(words).read_text().replace("\\u002e", ".")


def test_spark_reads_the_settings_from_the_file(spark) -> None:
    pairs = SECRET | {
        "spark.a b:c": "  x\ny=z\\u0041 ",
        "spark.executor.extraJavaOptions": "-Da -Db",
    }
    properties = spark._jvm.java.util.Properties()
    file = properties_file(submit_arguments(settings(**pairs)))
    properties.load(spark._jvm.java.io.FileReader(str(file)))
    assert dict(properties) == pairs


def test_a_cache_folder_that_cannot_be_used_is_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "file").write_text("")
    for folder in (cache / "file", cache / "with space"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        with pytest.raises(ConfigurationError, match="XDG_CACHE_HOME") as refused:
            submit_arguments(settings(**SECRET))
        assert "hunter2" not in str(refused.value)


def test_nothing_is_submitted_to_a_connect_server() -> None:
    settings = Settings(
        task="t", table="t", label="y", spark={"remote": "sc://host/;token=hunter2"}
    )
    with pytest.raises(ConfigurationError, match=r"token=\*\*\*.*petafit train"):
        submit_arguments(settings)


def test_a_standalone_cluster_runs_no_python_driver() -> None:
    submit = {"spark.submit.deployMode": "cluster"}
    with pytest.raises(ConfigurationError, match="no Python application in cluster mode"):
        submit_arguments(settings(master="spark://host:7077", **submit))
    assert submit_arguments(settings(master="yarn", **submit))[:2] == ["--master", "yarn"]
