import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from petafit import cli
from petafit.cli.command import OneLine
from petafit.config.settings import Settings
from petafit.models.store import ModelStore
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from tests.days import BAD, clicks, write_days


@pytest.fixture
def task(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The small task as a file in a folder of settings, and that folder as the place to look."""
    tasks = tmp_path / "conf" / "tasks"
    tasks.mkdir(parents=True)
    plain = settings.model_dump(mode="json", exclude={"task", "environment"}, exclude_defaults=True)
    (tasks / "small.yaml").write_text(yaml.safe_dump(plain))
    monkeypatch.setenv("PETAFIT_CONF", str(tmp_path / "conf"))
    return "small"


def petafit(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    return stop.value.code or 0  # type: ignore[return-value]


def test_train_evaluate_and_score_print_their_results(
    task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert petafit("train", "--task", task, "--run-id", "first") == 0
    printed = capsys.readouterr().out
    assert "small version 1" in printed
    assert printed.count("merged to fit them") == 2  # its two rounds
    assert petafit("evaluate", "--task", task, "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["auc"] > 0.8
    assert petafit("score", "--task", task) == 0
    assert "table_predictions (delta, 6,000 rows)" in capsys.readouterr().out


def test_explain_lists_harmful_and_helpful_partitions(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_days(tmp_path / "days", clicks())
    days = ["--set", f"table={tmp_path / 'days'}", "--set", "label=click", "--set", "keys=[]"]
    days += ["--set", "features=auto", "--set", "split={train: day < 7, test: day > 6}"]
    keep = ["--set", "training.keep_summaries=day", "--set", "training.rounds=1"]
    keep += ["--set", "training.merge=evidence"]
    assert petafit("train", "--task", task, *days, *keep) == 0
    capsys.readouterr()
    asked = ["explain", "--task", task, *days, "--model", "small@1"]
    assert petafit(*asked) == 2
    assert "--influence partitions" in capsys.readouterr().err
    assert petafit(*asked, "--influence", "partitions") == 0
    printed = capsys.readouterr().out
    hurts, helps = printed.index("hurts"), printed.index("helps")
    assert hurts < printed.index(f"day={BAD}") < helps < printed.index("day=2")
    assert "change of log_loss without it" in printed


def keep_places() -> None:
    """Let commands without a task look where the task has its runs and models."""
    conf = Path(os.environ["PETAFIT_CONF"])
    paths = yaml.safe_load((conf / "tasks/small.yaml").read_text())["paths"]
    (conf / "local.yaml").write_text(yaml.safe_dump({"paths": paths}))


def test_runs_and_models_are_listed(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    petafit("train", "--task", task, "--run-id", "first")
    keep_places()
    capsys.readouterr()
    assert petafit("runs", "--json") == 0
    assert [run["run_id"] for run in json.loads(capsys.readouterr().out)] == ["first"]
    assert petafit("runs") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["run", "status"], ["first", "succeeded"]]
    assert petafit("models") == 0
    assert "small" in capsys.readouterr().out


def test_a_model_is_shown_with_the_weights_of_its_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PETAFIT_CONF", str(tmp_path))
    (tmp_path / "local.yaml").write_text(yaml.safe_dump({"paths": {"models": str(tmp_path)}}))
    weights = {
        "kind": "coefficients",
        "outputs": ["no", "yes"],
        "features": [{"feature": "city=[/red]", "weights": [-0.5, 0.5]}],
        "others": 1234,
    }
    ModelStore(tmp_path).publish(
        "small", StateDict({}), run_id="r", settings_digest="d", metrics={}, weights=weights
    )
    assert petafit("models", "show", "small") == 0
    *_, head, row, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["feature", "no", "yes"]
    assert row.split() == ["city=[/red]", "-0.5", "0.5"]
    assert last == "and 1,234 smaller coefficients"
    assert petafit("models", "show", "small@1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["weights"] == weights
    assert petafit("models", "show", "small@7") == 2


def test_unreadable_manifests_are_listed_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"runs": tmp_path / "[/runs]", "models": tmp_path / "[/models]"}  # rich's markup
    monkeypatch.setenv("PETAFIT_CONF", str(tmp_path))
    printed = yaml.safe_dump({"paths": {name: str(place) for name, place in places.items()}})
    (tmp_path / "local.yaml").write_text(printed)
    ModelStore(places["models"]).publish(
        "small", StateDict({}), run_id="r", settings_digest="d", metrics={}
    )
    Folder(places["runs"]).write("first/manifest.json", b"{")
    Folder(places["models"]).write("small/versions/000002.json", b"{")
    for command, cells in (
        ("runs", ["first", "unreadable", "-", "-", f"{places['runs']}/first/manifest.json"]),
        (
            "models",
            ["small", "2", "unreadable", "-", "-", "-", f"{places['models']}/small/versions/"],
        ),
    ):
        assert petafit(command) == 0
        last = capsys.readouterr().out.splitlines()[-1].split()
        assert last[: len(cells) - 1] == cells[:-1]
        assert last[len(cells) - 1].startswith(cells[-1])
        assert petafit(command, "--json") == 0
        assert json.loads(capsys.readouterr().out)[-1]["status"] == "unreadable"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["train", "--task", "smal"], 2, "Did you mean 'small'"),
        (["train", "--task", "small", "--env", "locl"], 2, "locl"),
        (["train", "--task", "small", "--set", "trainig.rounds=2"], 2, "Did you mean 'training'"),
        (["train", "--task", "small", "--set", "learner.name=sklearn.SGD"], 2, "Did you mean"),
        (["train", "--task", "small", "--set", "label=lat"], 3, "Did you mean 'late'"),
        (["train", "--task", "small", "--set", "split.train=month > 20"], 4, "No rows"),
        (["evaluate", "--task", "small"], 2, "Train it first"),
        (["prepare", "--task", "small"], 2, "nothing to prepare"),
    ],
)
def test_mistakes_have_exit_codes_and_words(
    task: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert petafit(*arguments) == code
    assert said in capsys.readouterr().err


def test_a_used_run_id_is_a_conflict(task: str) -> None:
    assert petafit("train", "--task", task, "--run-id", "first") == 0
    assert petafit("train", "--task", task, "--run-id", "first") == 0
    assert petafit("train", "--task", task, "--run-id", "first", "--set", "hash_bits=9") == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_train_leaves_nothing_that_looks_finished(
    task: str, tmp_path: Path, number: signal.Signals
) -> None:
    code = (  # a shell's background processes are born ignoring SIGINT
        "import signal; from petafit.cli import main; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); main()"
    )
    endless = ["--set", "training.rounds=1000", "--set", "training.patience=1000"]
    arguments = ["train", "--task", task, "--run-id", "cut", *endless]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE)
    rounds = tmp_path / "runs/cut/rounds"
    while not (rounds / "round-001-01.npz").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate()[1].decode()
    assert process.returncode == 130
    assert "the same --run-id goes on from here" in said
    manifest = json.loads((tmp_path / "runs/cut/manifest.json").read_text())
    assert (manifest["status"], manifest["error"]) == ("failed", "interrupted")
    assert not any((tmp_path / "models").iterdir())


@pytest.mark.parametrize(
    "job", ["train", "evaluate", "prepare", "score", "explain", "export", "search"]
)
def test_every_job_script_is_the_command(job: str) -> None:
    script = Path(__file__).parents[1] / "jobs" / f"{job}.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--logical-date" in done.stdout


def test_aliases_are_set_and_removed(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep_places()
    for run_id, date in (("one", "2024-01-03"), ("two", "2024-01-01")):
        assert petafit("train", "--task", task, "--run-id", run_id, "--logical-date", date) == 0
    for number, alias in ((1, "champion"), (2, "candidate"), (2, "champion")):
        assert petafit("models", "promote", f"{task}@{number}", "--alias", alias) == 0
    capsys.readouterr()
    assert petafit("models", "--json") == 0
    printed = {v["version"]: v["aliases"] for v in json.loads(capsys.readouterr().out)}
    assert printed == {1: ["latest"], 2: ["candidate", "champion"]}
    for asked, version in (("champion", 2), ("latest", 1), ("2", 2)):
        assert petafit("evaluate", "--task", task, "--model", f"{task}@{asked}", "--json") == 0
        assert json.loads(capsys.readouterr().out)["model"]["version"] == version
    assert petafit("models", "rollback", task) == 0
    assert capsys.readouterr().out == f"{task}@champion is version 1 again\n"
    assert petafit("models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[5:7] for line in lines[1:]] == [
        ["2024-01-03", "latest,"],
        ["2024-01-01", "candidate"],
    ]
    assert petafit("models", "rollback", task) == 2
    assert petafit("models", "promote", task) == 2
    assert petafit("score", "--task", task, "--model", f"{task}@chamipon") == 2
    assert "Did you mean 'champion'" in capsys.readouterr().err


def test_a_traceback_in_the_log_holds_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise OSError("s3://me:hunter2@bucket: 403\nAuthorization: Bearer hunter2\x1b[2J")
    except OSError:
        logging.getLogger("petafit").exception("Cannot read %s", "password=hunter2")
    shown = OneLine("%(message)s").format(caplog.records[-1])
    assert "hunter2" not in shown
    assert "\x1b" not in shown
    assert "Traceback" in shown
