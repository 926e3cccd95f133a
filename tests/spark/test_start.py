"""Start of Spark: errors in one sentence, without Spark where it cannot start, and no secrets."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pyspark
import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.failures import refused
from petafit.spark.releases import release_of
from petafit.spark.remote import connected, server_url
from petafit.spark.session import (
    _build,
    delta_available,
)
from petafit.spark.settings import check_values
from petafit.spark.start import _Stderr, quiet_start, require_answer

ON_3_5 = release_of(pyspark.__version__) == (3, 5)
"""Its errors seldom name the setting, and it has no Connect client of use."""

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy")


@pytest.fixture
def closed() -> int:
    """A port that nothing listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.mark.parametrize("scheme", ["spark://", "k8s://", "k8s://https://"])
def test_a_master_that_cannot_be_reached_is_refused_before_spark_starts(
    monkeypatch: pytest.MonkeyPatch, closed: int, scheme: str
) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    for proxy in PROXIES:
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr("petafit.spark.session.start_jvm", pytest.fail)
    spark = {"master": f"{scheme}127.0.0.1:{closed}"}
    settings = Settings(task="tests", table="none", label="none", spark=spark)
    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{closed}; got Connection refused"):
        _build(settings, "tests")


def test_a_connect_server_that_cannot_be_reached_is_refused(
    monkeypatch: pytest.MonkeyPatch, closed: int
) -> None:
    for proxy in PROXIES:
        monkeypatch.delenv(proxy, raising=False)
    message = rf"No Spark Connect server answers .*:{closed}.*spark.remote"
    if ON_3_5:
        message = "This Spark Connect is too old for petafit; expected Spark 4.0"
    with (
        pytest.raises(ConfigurationError, match=message),
        connected(f"sc://127.0.0.1:{closed}/;token=hidden"),
    ):
        pass


def test_the_server_is_that_of_the_settings_or_of_spark_s_own_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def url(**spark: object) -> str | None:
        return server_url(Settings(task="tests", table="none", label="none", spark=spark))

    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    assert url() is None
    monkeypatch.setenv("SPARK_REMOTE", "sc://there")
    assert url() == "sc://there"
    assert url(remote="sc://here") == "sc://here"
    assert url(master="local[2]") is None


def test_a_host_that_is_unknown_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"answers at no-such-host\.invalid:7077"):
        require_answer("spark://no-such-host.invalid:7077")


def test_one_reachable_master_of_several_is_enough(closed: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        require_answer(f"spark://127.0.0.1:{closed},127.0.0.1:{listening.getsockname()[1]}")
        listening.settimeout(5)
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1) == b""


def test_a_kubernetes_behind_a_proxy_is_left_to_spark(
    monkeypatch: pytest.MonkeyPatch, closed: int
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:8080")
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    require_answer(f"k8s://https://127.0.0.1:{closed}")


@pytest.mark.parametrize("master", ["", "yarn", "local[2]", "spark://host", "spark://host:x"])
def test_a_master_whose_url_names_no_address_is_left_to_spark(
    monkeypatch: pytest.MonkeyPatch, master: str
) -> None:
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    require_answer(master)


def run(code: str, *, path: str | None = None, **variables: str) -> subprocess.CompletedProcess:
    """Run some Python in a new process, without the environment's Java settings."""
    kept = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    environment = kept | variables | ({"PATH": path} if path is not None else {})
    return subprocess.run(
        [sys.executable, "-c", dedent(code)], env=environment, capture_output=True, text=True
    )


OPEN = """
    from petafit.config.settings import Settings
    from petafit.errors import PetafitError
    from petafit.spark.session import open_session

    settings = Settings(task="t", table="t", label="y", spark=%r)
    try:
        with open_session(settings, app_name="tests") as spark:
            print(spark.range(5).count(), "rows")
    except PetafitError as error:
        print(error.exit_code, error)
"""


def test_java_that_is_missing_is_named_with_the_command_and_the_way_around(tmp_path):
    answer = run(OPEN % {"master": "local[1]"}, path=str(tmp_path))
    assert answer.stdout.startswith("2 Spark needs Java 17 or newer; got no Java from java. ")
    assert "nstall" in answer.stdout
    assert "engine=local" in answer.stdout
    assert not answer.stderr


@pytest.mark.spark
@pytest.mark.parametrize(
    ("spark", "reported"),
    [
        ({"master": "lokal"}, "spark.master='lokal'; got Master must either be yarn or start with"),
        ({"master": "local[x]"}, "spark.master='local[x]'; got Could not parse Master URL"),
        (
            {"submit": {"spark.driver.memory": "plenty"}},
            "spark.driver.memory='plenty'; got Invalid maximum heap size",
        ),
        (
            {"submit": {"spark.executor.memory": "plenty"}},
            "spark.executor.memory='plenty'; got Executor memory must be a positive number",
        ),
        (
            {"session": {"spark.sql.shuffle.partitions": "abc"}},
            "spark.sql.shuffle.partitions='abc'; got "
            + (
                "spark.sql.shuffle.partitions should be int, but was abc"
                if ON_3_5
                else "The value 'abc' in the config"
            ),
        ),
        (  # which Spark reads in the middle of a job
            {"submit": {"spark.driver.maxResultSize": "plenty"}},
            "spark.driver.maxResultSize='plenty'; got "
            + ("Size must be specified as bytes" if ON_3_5 else "The value 'plenty' in the config"),
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(next(iter(value.values()))),
)
def test_a_failed_start_of_spark_is_reported_in_one_sentence(spark, reported):
    answer = run(OPEN % ({"master": "local[1]"} | spark))
    assert answer.stdout.startswith(f"2 Spark does not start with {reported}")
    assert answer.stdout.count("\n") == 1
    assert answer.stderr == ""


@pytest.mark.spark
def test_values_of_a_secret_setting_are_not_repeated(spark):
    wanted = {"spark.ssl.ui.keyPassword": "hunter2"}
    assert "hunter2" not in str(refused(wanted, "The value 'hunter2' is none"))
    check_values(
        wanted | {"spark.sql.shuffle.partitions": "${env:PARTITIONS}", "spark.of.mine": "x"}
    )


@pytest.mark.spark
def test_loggers_silenced_while_spark_starts_are_restored(spark):
    logs = spark._jvm.org.apache.logging.log4j.LogManager
    names = ("org.apache.spark.SparkContext", "org.apache.spark.util.Utils")

    def levels():
        return [logs.getLogger(name).getLevel().toString() for name in names]

    before = levels()
    with quiet_start():
        assert levels() == ["OFF", "OFF"]
    assert levels() == before


@pytest.mark.spark
def test_a_session_that_is_built_is_stopped_and_quiet():
    stopped = """
    from pyspark import SparkContext
    assert SparkContext._active_spark_context is None
    """
    answer = run(OPEN % {"master": "local[1]"} + stopped)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "5 rows\n"
    assert answer.stderr == ""


def test_a_jvm_that_runs_already_holds_no_end_of_the_terminals_pipe(monkeypatch):
    replace = os.dup2

    def replaces(descriptor, other):
        replace(descriptor, other)
        time.sleep(0.1)  # the pipe has ended, and what was read from it is passed on

    monkeypatch.setattr(os, "dup2", replaces)
    before = os.fstat(2)
    for _ in range(2):
        with _Stderr().given():
            assert not os.path.samestat(os.fstat(2), before)
        assert os.path.samestat(os.fstat(2), before)


@pytest.mark.spark
def test_secrets_reach_the_session_but_no_command_line():
    answer = run(
        """
    from pathlib import Path
    from petafit.config.settings import Settings
    from petafit.spark.session import open_session

    submit = {"spark.hadoop.fs.s3a.secret.key": "hunter2", "spark.ui.enabled": False}
    settings = Settings(
        task="t", table="t", label="y", spark={"master": "local[1]", "submit": submit}
    )
    with open_session(settings, app_name="tests") as spark:
        java = spark.sparkContext._gateway.proc.pid
        hadoop = spark.sparkContext._jsc.hadoopConfiguration()
        print(hadoop.get("fs.s3a.secret.key"))
        print(b"hunter2" in Path(f"/proc/{java}/cmdline").read_bytes())
    """
    )
    assert answer.stdout == "hunter2\nFalse\n", answer.stderr


@pytest.mark.spark
def test_spark_submit_runs_a_script_that_writes_and_reads_delta(spark, tmp_path):
    if not delta_available(spark):
        pytest.skip("Delta's jars are not installed")
    import pyspark

    script = tmp_path / "job.py"
    script.write_text(
        dedent(f"""
        from petafit.config.settings import Settings
        from petafit.spark.capacity import jvm_peak_memory, slots
        from petafit.spark.session import open_session, require_delta

        settings = Settings(
            task="t", table="t", label="y",
            spark={{"session": {{"spark.sql.shuffle.partitions": 1}}}},
        )
        with open_session(settings, app_name="tests") as spark:
            require_delta(spark)
            spark.range(5).write.format("delta").save("{tmp_path}/table")
            print(spark.read.format("delta").load("{tmp_path}/table").count(), "rows")
            print(slots(spark), "slot", jvm_peak_memory(spark) is not None)
        """)
    )
    home = Path(pyspark.__path__[0])
    submit = [home / "bin" / "spark-submit", "--master", "local[1]"]
    submit += ["--conf", "spark.databricks.delta.snapshotPartitions=1"]
    answer = subprocess.run(
        [*submit, "--conf", "spark.ui.enabled=false", script],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == f"5 rows\n1 slot {sys.platform == 'linux'}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job.py", "table"]
