"""From files, variables and options to settings that remember their sources."""

from collections.abc import Callable
from pathlib import Path

import pytest

from petafit.config.layers import load_settings, settings_digest
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError

Write = Callable[[str, str], Path]


def refusal(task: str | None = "mine", *, env: str = "local", overrides: list[str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(task=task, env=env, overrides=overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_each_layer_holds_over_those_before(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("base.yaml", "training: {seed: 1, rounds: 1, shards: 1, patience: 1, batch_rows: 1}")
    write("cluster.yaml", "training: {rounds: 2, shards: 2, patience: 2, batch_rows: 2}")
    write(
        "tasks/mine.yaml", "table: t\nlabel: y\ntraining: {shards: 3, patience: 3, batch_rows: 3}"
    )
    monkeypatch.setenv("PETAFIT__TRAINING__PATIENCE", "4")
    monkeypatch.setenv("PETAFIT__TRAINING__BATCH_ROWS", "4")
    resolved = load_settings(task="mine", env="cluster", overrides=["training.batch_rows=5"])
    training = resolved.settings.training
    assert (training.seed, training.rounds, training.shards) == (1, 2, 3)
    assert (training.patience, training.batch_rows) == (4, 5)
    origins = [resolved.origins[f"training.{key}"] for key in training.model_fields_set]
    assert set(origins) == {
        "conf/base.yaml",
        "conf/cluster.yaml",
        "conf/tasks/mine.yaml",
        "PETAFIT__TRAINING__PATIENCE",
        "--set",
    }
    assert resolved.origins["training.merge"] == "default"
    assert resolved.origins["environment"] == "--env"
    assert resolved.origins["task"] == "--task"


def test_a_new_table_is_a_few_lines_and_overrides_merge_with_shorthands(write: Write) -> None:
    settings = load_settings(task="mine", overrides=["table.version=3", "table.filter=a > 1"])
    table = settings.settings.table
    assert (table.uri, table.version, table.filter) == ("data/mine", 3, ("a > 1",))


def test_values_are_yaml(write: Write) -> None:
    resolved = load_settings(
        task="mine",
        overrides=[
            "learner.params.alpha=1e-6",
            "features=[{numeric: [a, b]}, {categorical: c*}]",
            "split={train: a <= 9, test: [a >= 10, b is not null]}",
            "weight=null",
            "training.seed=1",
            "training.seed=2",
        ],
    )
    settings = resolved.settings
    assert settings.learner.params == {"alpha": 1e-6}
    assert settings.split.test == ("a >= 10", "b is not null")
    assert settings.training.seed == 2
    assert len(settings.features) == 2


def test_variables_are_small_letters_unless_they_are_in_mixed_case(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETAFIT__LEARNER__PARAMS__ALPHA", "0.5")
    monkeypatch.setenv("PETAFIT__LEARNER__PARAMS__regParam", "0.1")
    monkeypatch.setenv("PETAFIT__SPARK__SESSION", "{spark.sql.ansi.enabled: true}")
    monkeypatch.setenv("PETAFIT__SPARK__SUBMIT__SPARK__DRIVER__MEMORY", "8g")
    resolved = load_settings(task="mine")
    assert resolved.settings.learner.params == {"alpha": 0.5, "regParam": 0.1}
    assert resolved.settings.spark.session == {"spark.sql.ansi.enabled": True}
    assert resolved.settings.spark.submit == {"spark.driver.memory": "8g"}
    assert resolved.origins["learner.params.regParam"] == "PETAFIT__LEARNER__PARAMS__regParam"
    assert resolved.origins["spark.session.spark.sql.ansi.enabled"] == "PETAFIT__SPARK__SESSION"


def test_a_variant_of_a_task_is_two_lines(write: Write) -> None:
    write("tasks/mine.yaml", "table: t\nlabel: y\nlearner: {name: A, params: {alpha: 1}}")
    write("tasks/other.yaml", "extends: mine\nlearner: B")
    write("tasks/third.yaml", "extends: other\ntraining: {rounds: 3}")
    resolved = load_settings(task="third")
    assert resolved.settings.task == resolved.settings.model_name == "third"
    assert resolved.settings.table.uri == "t"
    assert resolved.settings.learner.name == "B"
    assert resolved.settings.learner.params == {}
    assert resolved.settings.training.rounds == 3
    assert resolved.origins["learner.name"] == "conf/tasks/other.yaml"
    assert resolved.origins["learner.params"] == (
        "default: learner.name from conf/tasks/other.yaml drops what conf/tasks/mine.yaml says"
    )


def test_tasks_that_extend_wrongly_are_refused(write: Write) -> None:
    write("tasks/a.yaml", "extends: b")
    write("tasks/b.yaml", "extends: a")
    assert "circle: a > b > a" in refusal("a", overrides=[])
    write("tasks/a.yaml", "extends: min")
    assert "no task 'min'" in refusal("a", overrides=[])
    write("tasks/a.yaml", "extends: [b]")
    assert "expected a task's name" in refusal("a", overrides=[])


def test_without_a_task_the_environment_is_there(write: Write) -> None:
    write("base.yaml", "paths: {runs: s3://bucket/runs}")
    resolved = load_settings(task=None)
    assert resolved.settings.paths.runs == "s3://bucket/runs"
    assert resolved.origins["table.uri"] == "no task"


def test_local_needs_no_file(write: Write) -> None:
    assert load_settings(task="mine").settings.environment == "local"


def test_an_unknown_task_or_environment_names_those_that_exist(write: Write) -> None:
    write("cluster.yaml", "engine: spark")
    write("tasks/flights.yaml", "table: t\nlabel: y")
    message = refusal("flight", overrides=[])
    assert "no task 'flight' in conf/tasks; expected one of flights, mine" in message
    assert "Did you mean 'flights'?" in message
    assert "Did you mean 'flights'?" in refusal("conf/tasks/flights.yaml", overrides=[])
    assert "petafit init" in refusal("zebra", overrides=[])
    assert "Did you mean 'cluster'?" in refusal(env="clusters", overrides=[])
    assert "expected one of cluster, local" in refusal(env="base", overrides=[])


def test_the_folder_is_the_argument_or_the_variable_or_conf(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("conf").rename("elsewhere")
    with pytest.raises(ConfigurationError, match=str(tmp_path / "conf")):
        load_settings(task="mine")
    assert load_settings(task="mine", conf="elsewhere").origins["table.uri"] == (
        "elsewhere/tasks/mine.yaml"
    )
    monkeypatch.setenv("PETAFIT_CONF", str(tmp_path / "elsewhere"))
    assert load_settings(task="mine").settings.table.uri == "data/mine"


def test_files_that_are_no_settings_are_named(write: Write) -> None:
    write("tasks/mine.yaml", "table: t\nlabel: [y")
    assert "conf/tasks/mine.yaml, line" in refusal(overrides=[])
    write("tasks/mine.yaml", "- table")
    assert "conf/tasks/mine.yaml is wrong; expected a mapping" in refusal(overrides=[])
    Path("conf/tasks/mine.yaml").write_bytes(b"label: \xff")
    assert "conf/tasks/mine.yaml cannot be read" in refusal(overrides=[])


@pytest.mark.parametrize("text", ["training.rounds", "=3", "a..b=3", ".a=1"])
def test_an_override_is_a_key_and_a_value(write: Write, text: str) -> None:
    assert "expected KEY=VALUE" in refusal(overrides=[text])


def test_an_override_that_is_not_yaml_is_named(write: Write) -> None:
    assert refusal(overrides=["keys=[a"]).startswith("--set keys is not valid YAML")


def test_no_layer_chooses_the_layers(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "'task' cannot be set in --set. Give --task." in refusal(overrides=["task=other"])
    write("tasks/mine.yaml", "environment: cluster")
    assert "Give --env" in refusal(overrides=[])
    write("tasks/mine.yaml", "table: t\nlabel: y")
    monkeypatch.setenv("PETAFIT__TASK", "other")
    assert "PETAFIT__TASK" in refusal(overrides=[])


def test_the_digest_covers_settings_that_change_the_result() -> None:
    settings = Settings(task="t", table="data/t", label="y")

    def digest(**changes: object) -> str:
        return settings_digest(settings.model_copy(update=changes))

    same = settings_digest(settings)
    assert len(same) == 64
    assert same == settings_digest(Settings.model_validate(settings.model_dump()))
    assert same == digest(environment="cluster") == digest(engine="local")
    slower = settings.training.model_copy(update={"checkpoint_seconds": 5.0})
    assert same == digest(training=slower)
    reseeded = settings.training.model_copy(update={"seed": 5})
    others = [
        digest(training=reseeded),
        digest(hash_bits=20),
        digest(task="u"),
        digest(stream="scan"),
        digest(keys=("a",)),
    ]
    assert len({same, *others}) == 6


def test_a_task_cannot_allow_classes_of_stages(write: Write) -> None:
    write("tasks/mine.yaml", "table: t\nlabel: y\nspark: {stages: os.system}\n")
    with pytest.raises(ConfigurationError, match=r"A task cannot allow classes.*mine\.yaml"):
        load_settings(task="mine")
    write("tasks/mine.yaml", "table: t\nlabel: y\n")
    write("local.yaml", "spark: {stages: my.package.Class}\n")
    assert load_settings(task="mine").settings.spark.stages == ("my.package.Class",)


def test_queries_and_functions_lie_beside_the_task(write: Write) -> None:
    write("tasks/a.sql", "SELECT 1 AS y -- one\n")
    written = write("tasks/mine.yaml", "table: {sql: a.sql}\nlabel: y\nfunctions: f.py\n")
    settings = load_settings(task="mine").settings
    assert settings.table.sql == "SELECT 1 AS y -- one\n"
    assert Path(str(settings.functions)).absolute() == written.with_name("f.py").absolute()
    write("tasks/mine.yaml", "prepare: {source: {sql: none.sql}}\ntable: t\nlabel: y\n")
    with pytest.raises(ConfigurationError, match=r"none\.sql cannot be read"):
        load_settings(task="mine")


def test_of_functions_the_content_counts_and_not_the_place(write: Write, tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1")
    given = {"task": "mine", "table": "t", "label": "y"}
    one, two = (Settings(**given, functions=str(tmp_path / name)) for name in ("a.py", "b.py"))
    assert settings_digest(one) == settings_digest(two)
    before = settings_digest(one)
    (tmp_path / "a.py").write_text("x = 2")
    assert settings_digest(one) != before
