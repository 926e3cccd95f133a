"""Sessions of the caller: used, restored, and not stopped; errors where Spark cannot be used."""

import logging
import os
import sys
from types import SimpleNamespace

import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.capacity import jvm_peak_memory, slots
from petafit.spark.session import (
    _report_ignored,
    delta_available,
    open_session,
    require_delta,
)

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


@pytest.mark.parametrize(
    ("version", "wrong"), [("3.4.4", "old"), ("2.4", "old"), ("4.3.0", "new"), ("5.0.1", "new")]
)
def test_spark_of_other_releases_is_refused_before_it_starts(monkeypatch, version, wrong):
    monkeypatch.setattr("pyspark.__version__", version)
    with (
        pytest.raises(
            ConfigurationError, match=rf"too {wrong}.*3\.5 to 4\.2; got {version}.*engine=local"
        ),
        open_session(settings(), app_name="tests"),
    ):
        pass
    old = FakeSession()
    old.version = version
    with (
        pytest.raises(ConfigurationError, match=f"too {wrong}"),
        open_session(settings(), app_name="tests", given=old),
    ):
        pass


def test_spark_connect_needs_a_newer_one():
    session = type("SparkSession", (FakeSession,), {"__module__": "pyspark.sql.connect.session"})()
    session.version = "3.5.3"
    with (
        pytest.raises(ConfigurationError, match=r"Connect is too old.*4\.0 to 4\.2"),
        open_session(settings(), app_name="tests", given=session),
    ):
        pass


def test_jars_that_spark_has_completed_are_not_reported(caplog):
    session = FakeSession(jars="file:///a.jar,file:/b.jar,file:///from-a-package.jar")
    wanted = settings(submit={"spark.jars": "/a.jar,/b.jar"})
    _report_ignored(session, wanted)
    assert not caplog.records
    _report_ignored(session, settings(submit={"spark.jars": "/a.jar,/c.jar"}))
    assert "without these settings of spark.submit: spark.jars" in caplog.text


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
            pytest.raises(ConfigurationError, match=r"maxPartitionBytes='1 parsec'; got .*bytes"),
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
