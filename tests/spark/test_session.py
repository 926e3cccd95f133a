"""One session, lent or built; put back as it was or stopped; and clear words where Spark is not."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.failures import refused
from petafit.spark.session import (
    delta_available,
    jvm_peak_memory,
    open_session,
    require_delta,
    slots,
)
from petafit.spark.settings import check_values
from petafit.spark.start import _Stderr, quiet_start

TIME_ZONE = "spark.sql.session.timeZone"


def settings(**spark: object) -> Settings:
    return Settings(task="tests", table="none", label="none", spark=spark)


class FakeSession:
    """A session of another kind of cluster, as far as `slots` and Delta's checks look at it."""

    def __init__(self, *, parallelism: int | None = None, **conf: str) -> None:
        known = {f"spark.{name.replace('_', '.')}": value for name, value in conf.items()}
        self.conf = SimpleNamespace(get=known.get)
        if parallelism is not None:
            self.sparkContext = SimpleNamespace(defaultParallelism=parallelism)


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        pytest.param(FakeSession(master="local[8]", parallelism=8), 8, id="local"),
        pytest.param(
            FakeSession(master="yarn", executor_instances="50", executor_cores="4", parallelism=2),
            200,
            id="executors asked for, not yet there",
        ),
        pytest.param(FakeSession(master="yarn", executor_instances="50"), 50, id="one core each"),
        pytest.param(
            FakeSession(master="yarn", executor_instances="9", executor_cores="4", task_cpus="2"),
            18,
            id="two cores a task",
        ),
        pytest.param(FakeSession(master="spark://h:7077", parallelism=48), 48, id="standalone"),
        pytest.param(FakeSession(), 2, id="Spark Connect"),
    ],
)
def test_slots_are_the_tasks_that_run_at_a_time(session, expected):
    assert slots(session) == expected


def test_a_session_without_delta_is_refused_with_the_way_to_get_it():
    assert delta_available(FakeSession(sql_extensions="io.delta.sql.DeltaSparkSessionExtension"))
    with pytest.raises(ConfigurationError, match=r"python -m petafit\.spark\.provision"):
        require_delta(FakeSession())


def test_spark_that_is_not_installed_is_named_with_the_way_around(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with (
        pytest.raises(ConfigurationError, match=r"pip install 'petafit\[spark\]'.*engine=local"),
        open_session(settings(), app_name="tests"),
    ):
        pass


@pytest.mark.parametrize("version", ["3.5.4", "4.0.1", "2.4"])
def test_spark_that_is_too_old_is_refused_before_it_starts(monkeypatch, version):
    monkeypatch.setattr("pyspark.__version__", version)
    with (
        pytest.raises(ConfigurationError, match=rf"4\.1 or newer; got {version}.*engine=local"),
        open_session(settings(), app_name="tests"),
    ):
        pass
    old = FakeSession()
    old.version = version
    with (
        pytest.raises(ConfigurationError, match="too old"),
        open_session(settings(), app_name="tests", given=old),
    ):
        pass


@pytest.mark.spark
class TestSessionThatRuns:
    def test_a_given_session_is_put_back_as_it_was_and_not_stopped(self, spark):
        name = "spark.sql.files.maxPartitionBytes"
        spark.conf.set(TIME_ZONE, "Asia/Tokyo")
        spark.conf.unset(name)
        before = spark.conf.get(name)
        try:
            with pytest.raises(RuntimeError, match="job failed"):
                self._fail_inside(spark, settings(session={name: 4096}))
            assert spark.conf.get(TIME_ZONE) == "Asia/Tokyo"
            assert spark.conf.get(name) == before
            assert spark.range(3).count() == 3
        finally:
            spark.conf.set(TIME_ZONE, "UTC")

    @staticmethod
    def _fail_inside(spark, wanted):
        with open_session(wanted, app_name="tests", given=spark) as session:
            assert session is spark
            assert session.conf.get(TIME_ZONE) == "UTC"
            assert session.conf.get("spark.sql.files.maxPartitionBytes") == "4096"
            raise RuntimeError("job failed")

    def test_a_session_the_platform_started_is_used_and_not_stopped(self, spark):
        with open_session(settings(master="local[1]"), app_name="tests") as session:
            assert session is spark
        assert spark.range(3).count() == 3

    def test_settings_that_come_too_late_are_reported_once(self, spark, caplog):
        late = {"spark.driver.memory": "64g", "spark.ui.enabled": False, "spark.jars": "x.jar"}
        with caplog.at_level(logging.WARNING), open_session(settings(submit=late), app_name="t"):
            pass
        assert [record.getMessage() for record in caplog.records] == [
            "Spark was started before, without these settings of spark.submit: "
            "spark.driver.memory, spark.jars"
        ]

    def test_a_setting_that_the_session_refuses_is_reported(self, spark, caplog):
        static = {"spark.sql.warehouse.dir": "elsewhere"}
        with open_session(settings(session=static), app_name="tests", given=spark):
            pass
        assert "does not take spark.sql.warehouse.dir=elsewhere" in caplog.text

    def test_a_value_the_session_refuses_is_an_error_and_the_others_are_put_back(self, spark):
        before = spark.conf.get("spark.sql.shuffle.partitions")
        bad = {"spark.sql.shuffle.partitions": 7, "spark.sql.files.maxPartitionBytes": "1 parsec"}
        with (
            pytest.raises(ConfigurationError, match=r"maxPartitionBytes='1 parsec'; got .*'bytes"),
            open_session(settings(session=bad), app_name="tests", given=spark),
        ):
            pass
        assert spark.conf.get("spark.sql.shuffle.partitions") == before

    def test_workers_run_this_python_with_one_thread_for_each_library(self, spark):
        def report(batches):
            import pyarrow as pa

            names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
            reported = [sys.prefix, *(os.environ.get(name, "") for name in names)]
            for _ in batches:
                yield pa.RecordBatch.from_pydict({"reported": [",".join(reported)]})

        rows = spark.range(1).mapInArrow(report, "reported string").collect()
        assert {row.reported for row in rows} == {f"{sys.prefix},1,1,1"}

    def test_slots_and_memory_of_a_local_session(self, spark):
        assert slots(spark) == 2
        if sys.platform == "linux":
            assert jvm_peak_memory(spark) > 2**26
        assert jvm_peak_memory(FakeSession()) is None


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
            "spark.sql.shuffle.partitions='abc'; got The value 'abc' in the config",
        ),
        (  # which Spark reads in the middle of a job
            {"submit": {"spark.driver.maxResultSize": "plenty"}},
            "spark.driver.maxResultSize='plenty'; got The value 'plenty' in the config",
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
        from petafit.spark.session import jvm_peak_memory, open_session, require_delta, slots

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
