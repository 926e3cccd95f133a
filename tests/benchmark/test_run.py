import json
from dataclasses import replace

import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit_benchmark.cli import main
from petafit_benchmark.run import benchmark
from petafit_benchmark.suites.peers import CLICKS
from petafit_benchmark.suites.registry import SUITES

OWN = ("decode_only", "petafit_one_core")


@pytest.fixture
def clicks(tmp_path):
    """Settings that keep everything in the test's folder, without a JVM."""
    return Settings(
        task="clicks",
        engine="local",
        paths={"data": str(tmp_path / "data")},
        table="unused",
        label="click",
    )


def test_petafit_and_the_upper_limit_are_measured_on_one_table(clicks, tmp_path):
    output = tmp_path / "benchmarks"
    record = benchmark(clicks, rows=20_000, contenders=OWN, output=output)
    assert [(r.contender, r.status) for r in record.results] == [(name, "ok") for name in OWN]
    limit, petafit = record.results
    assert limit.rows == petafit.rows == 18_000
    assert record.tables["clicks"]["test_rows"] == 2_000
    assert petafit.log_loss_ci[0] < petafit.log_loss < petafit.log_loss_ci[1]
    assert petafit.log_loss > record.tables["clicks"]["best_log_loss"]
    assert petafit.auc > 0.6
    assert petafit.tuned.keys() == {"learning_rate"}
    assert petafit.peak_memory_bytes > 10**7

    written = json.loads((output / "benchmark.json").read_text())
    assert [c["contender"] for c in written["contenders"]] == [*OWN]
    ratio = next(target for target in written["bars"] if "decode only" in target["figure"])
    assert ratio["value"] == pytest.approx(petafit.rows_per_second / limit.rows_per_second)
    assert "petafit, one core" in (output / "benchmark.html").read_text(encoding="utf-8")

    again = benchmark(clicks, rows=20_000, contenders=["decode_only"], output=output)
    assert again.results[1] == petafit
    assert again.results[0] != limit


def test_quick_leaves_out_slow_contenders(clicks, tmp_path, monkeypatch):
    asked = []

    def run(bench):
        asked.append((bench.rows, bench.wanted(CLICKS.contenders)))
        return iter(())

    monkeypatch.setitem(SUITES, "clicks", replace(CLICKS, run=run))
    benchmark(clicks, quick=True, output=tmp_path)
    benchmark(clicks, output=tmp_path)
    benchmark(clicks, quick=True, contenders=["mllib_converged"], output=tmp_path)
    (few, quick), (many, whole), (_, named) = asked
    assert few < many
    assert {*whole} - {*quick} == {*CLICKS.slow}
    assert named == ("mllib_converged",)


def test_bad_arguments_are_refused_first(clicks, tmp_path):
    with pytest.raises(ConfigurationError, match="Did you mean 'clicks'"):
        benchmark(clicks, suite="click", output=tmp_path / "out")
    with pytest.raises(ConfigurationError, match="Did you mean 'decode_only'"):
        benchmark(clicks, contenders=["decode_onyl"], output=tmp_path / "out")
    remote = clicks.model_copy(update={"paths": clicks.paths.model_copy(update={"data": "s3://b"})})
    with pytest.raises(ConfigurationError, match="on the local disk"):
        benchmark(remote, output=tmp_path / "out")
    assert not (tmp_path / "data").exists()


def test_the_command_has_the_exit_code_of_its_error(tmp_path, capsys):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "clicks.yaml").write_text("{table: unused, label: click}")
    with pytest.raises(SystemExit) as stop:
        main(["--conf", str(tmp_path), "--output", str(tmp_path), "--suite", "txt"])
    assert stop.value.code == 2
    assert "Did you mean 'text'" in capsys.readouterr().err
