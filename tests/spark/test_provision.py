"""Set-up: Java found or installed, Delta's jars checked before they are used, and plain words."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyspark
import pytest

from petafit.errors import ConfigurationError, StorageError
from petafit.spark import java, provision
from petafit.spark import provision as spark_files
from petafit.spark.releases import DELTA, S3, JarRelease, release_of
from petafit.spark.settings import has_delta_jars

RELEASE = release_of(pyspark.__version__)
CONTENT = {name: f"content of {name}".encode() for name in DELTA[RELEASE].jars}


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A PATH with nothing on it but the commands a test writes there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


@pytest.fixture
def spark_home(tmp_path, monkeypatch):
    """The folder of a Spark with a fake resolver."""
    folder = tmp_path / "pyspark"
    (folder / "bin").mkdir(parents=True)
    (folder / "jars").mkdir()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setitem(DELTA, RELEASE, replace(DELTA[RELEASE], jars=digests))
    return folder


def write_command(folder: Path, name: str, script: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def java_says(version: str) -> str:
    return f"""echo 'openjdk version "{version}" 2025-04-15' >&2"""


def resolver_that_gives(folder: Path, content: dict[str, bytes]) -> str:
    """A spark-submit that puts jars where ``--conf spark.jars.ivy=FOLDER`` wants them."""
    for name, jar in content.items():
        (folder / f"io.delta_{name}").write_bytes(jar)
    return f"""
    for argument; do case $argument in spark.jars.ivy=*) into=${{argument#*=}};; esac; done
    /bin/mkdir "$into/jars" && /bin/cp {folder}/io.delta_* "$into/jars"
    """


class TestJava:
    @pytest.mark.parametrize("version", ["17.0.15", "21", "25-ea"])
    def test_java_that_is_new_enough_is_taken(self, commands, version):
        write_command(commands, "java", java_says(version))
        assert java.require_java() == "java"

    def test_java_home_comes_before_the_path(self, commands, tmp_path, monkeypatch):
        write_command(commands, "java", java_says("17"))
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
        with pytest.raises(ConfigurationError, match=r"no Java from .*/jdk/bin/java.*JAVA_HOME"):
            java.require_java()

    @pytest.mark.parametrize(
        ("script", "got"),
        [
            pytest.param(java_says("1.8.0_412"), "got Java 8 from java", id="old"),
            pytest.param("echo 'Unable to locate a Java Runtime' >&2; exit 1", "got no Java"),
        ],
    )
    def test_java_that_does_not_do_is_named_with_the_way_around(self, commands, script, got):
        write_command(commands, "java", script)
        with pytest.raises(ConfigurationError, match=rf"{got}.*engine=local"):
            java.require_java()

    @pytest.mark.parametrize(
        ("release", "system", "command"),
        [
            ({"ID": "debian"}, "Linux", "apt-get install openjdk-17-jre-headless"),
            ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "Linux", "apt-get install"),
            ({"ID": "fedora"}, "Linux", "dnf install java-17-openjdk-headless"),
            (None, "Darwin", "brew install openjdk@17"),
            (None, "Plan9", "Install it, or let JAVA_HOME name one."),
        ],
    )
    def test_the_hint_is_the_command_of_the_system(
        self, commands, monkeypatch, release, system, command
    ):
        def freedesktop_os_release():
            if release is None:
                raise OSError
            return release

        monkeypatch.setattr("platform.freedesktop_os_release", freedesktop_os_release)
        monkeypatch.setattr("platform.system", lambda: system)
        assert command in java.install_hint()


class TestInstallingJava:
    @pytest.fixture(autouse=True)
    def debian(self, commands, tmp_path, monkeypatch):
        """A fake Debian whose apt offers Java 21 and 25, and installs a fake Java 21."""
        monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
        write_command(
            commands, "apt-cache", "for v in 25 21; do echo openjdk-$v-jre-headless; done"
        )
        write_command(tmp_path, "java", java_says("21"))
        install = f"[ $1 = update ] || /bin/cp {tmp_path}/java {commands}"
        write_command(commands, "apt-get", install)

    def test_root_gets_the_oldest_java_that_is_new_enough(self, monkeypatch, capsys):
        monkeypatch.setattr("os.geteuid", lambda: 0)
        java.ensure_java()
        assert java.require_java() == "java"
        assert capsys.readouterr().out.splitlines() == [
            "Java 17 or newer is missing: installing it with apt",
            "Installed openjdk-21-jre-headless",
        ]

    def test_other_users_get_instructions(self, monkeypatch, commands):
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        with pytest.raises(ConfigurationError, match="apt-get install openjdk-17-jre-headless"):
            java.ensure_java()
        assert not (commands / "java").exists()

    def test_apt_that_fails_is_quoted(self, monkeypatch, commands):
        monkeypatch.setattr("os.geteuid", lambda: 0)
        write_command(commands, "apt-get", "echo 'Unable to fetch some archives'; exit 100")
        with pytest.raises(ConfigurationError, match="Unable to fetch some archives"):
            java.ensure_java()


class TestDelta:
    def test_jars_are_resolved_once_and_put_into_sparks_folder(self, spark_home, tmp_path, capsys):
        write_command(spark_home / "bin", "spark-submit", resolver_that_gives(tmp_path, CONTENT))
        assert spark_files.ensure_delta(spark_home)
        assert {jar.name: jar.read_bytes() for jar in (spark_home / "jars").iterdir()} == CONTENT

        write_command(spark_home / "bin", "spark-submit", "exit 1")
        assert spark_files.ensure_delta(spark_home), "what is in place is not resolved again"
        assert capsys.readouterr().out.splitlines()[-1] == "Delta's jars are in place"

    def test_a_damaged_jar_is_replaced(self, spark_home, tmp_path):
        write_command(spark_home / "bin", "spark-submit", resolver_that_gives(tmp_path, CONTENT))
        spark_files.ensure_delta(spark_home)
        name = next(iter(CONTENT))
        (spark_home / "jars" / name).write_bytes(b"half of it")
        assert spark_files.ensure_delta(spark_home)
        assert (spark_home / "jars" / name).read_bytes() == CONTENT[name]

    def test_the_jars_of_another_delta_do_not_stay_beside_them(self, spark_home, tmp_path):
        (spark_home / "jars" / "delta-storage-4.3.0.jar").touch()
        (spark_home / "jars" / "cats-kernel_2.13-2.8.0.jar").touch()
        write_command(spark_home / "bin", "spark-submit", resolver_that_gives(tmp_path, CONTENT))
        spark_files.ensure_delta(spark_home)
        assert not (spark_home / "jars" / "delta-storage-4.3.0.jar").exists()
        assert (spark_home / "jars" / "cats-kernel_2.13-2.8.0.jar").exists()

    def test_a_folder_that_cannot_be_written_is_named(self, spark_home, tmp_path):
        (spark_home / "conf").write_text("a file where a folder must be")
        with pytest.raises(StorageError, match=r"Cannot write .*log4j2\.properties.*owns"):
            spark_files.ensure_quiet(spark_home)

    @pytest.mark.parametrize("change", [{list(CONTENT)[-1]: b"forged"}, None])
    def test_nothing_is_installed_if_one_file_has_a_wrong_digest(
        self, spark_home, tmp_path, change
    ):
        given = CONTENT | change if change else dict(list(CONTENT.items())[:-1])
        write_command(spark_home / "bin", "spark-submit", resolver_that_gives(tmp_path, given))
        with pytest.raises(StorageError, match=r"delta-storage.*expected SHA-256.*got"):
            spark_files.ensure_delta(spark_home)
        assert not list((spark_home / "jars").iterdir())

    def test_without_a_network_set_up_continues_and_lists_what_works(self, spark_home, capsys):
        write_command(spark_home / "bin", "spark-submit", "echo UNRESOLVED DEPENDENCIES; exit 1")
        assert not spark_files.ensure_delta(spark_home)
        said = capsys.readouterr().err
        for part in ("UNRESOLVED DEPENDENCIES", "Parquet", "engine=local", "try again"):
            assert part in said

    def test_another_spark_gets_no_jars_made_for_this_one(self, spark_home, monkeypatch, capsys):
        monkeypatch.setattr("importlib.metadata.version", lambda name: "4.9.0")
        assert not spark_files.ensure_delta(spark_home)
        assert "they are for Spark 3.5, 4.0, 4.1, 4.2, this is 4.9.0" in capsys.readouterr().err

    def test_delta_is_wired_only_where_its_jars_are(self, spark_home, monkeypatch):
        monkeypatch.setenv("SPARK_HOME", str(spark_home))
        assert not has_delta_jars()
        (spark_home / "jars" / "delta-spark_4.2_2.13-4.4.0.jar").touch()
        assert has_delta_jars()


class TestS3:
    def test_jars_are_installed_where_they_are_asked_for(
        self, spark_home, tmp_path, monkeypatch, capsys
    ):
        content = {"hadoop-aws-3.5.0.jar": b"hadoop", "bundle-2.35.4.jar": b"sdk"}
        digests = {name: hashlib.sha256(jar).hexdigest() for name, jar in content.items()}
        monkeypatch.setitem(S3, RELEASE, JarRelease("org.apache:hadoop-aws:3.5.0", digests))
        monkeypatch.setattr(provision, "spark_folder", lambda: spark_home)
        monkeypatch.setattr(provision, "ensure_java", lambda: None)
        for old in ("hadoop-aws-3.4.1.jar", "bundle-2.24.6.jar"):
            (spark_home / "jars" / old).touch()
        given = resolver_that_gives(tmp_path, CONTENT | content)
        write_command(spark_home / "bin", "spark-submit", given)
        assert provision.main() == 0
        assert not (spark_home / "jars" / "hadoop-aws-3.5.0.jar").exists()
        assert provision.main(["--storage", "s3"]) == 0
        assert {jar.name for jar in (spark_home / "jars").iterdir()} == {*CONTENT, *content}
        write_command(spark_home / "bin", "spark-submit", "echo UNRESOLVED; exit 1")
        (spark_home / "jars" / "bundle-2.35.4.jar").write_bytes(b"half of it")
        assert provision.main(["--storage", "s3"]) == 1
        said = capsys.readouterr().err
        for part in ("UNRESOLVED", "stream: direct", "hadoop-aws", "provision --storage s3"):
            assert part in said

    def test_another_spark_is_told_what_to_name(self, spark_home, monkeypatch, capsys):
        monkeypatch.setattr("importlib.metadata.version", lambda name: "3.5.3")
        assert not spark_files.ensure_s3(spark_home)
        said = capsys.readouterr().err
        assert "they are for Spark 4.2, this is 3.5.3" in said
        assert "spark.jars.packages" in said


class TestQuiet:
    def test_spark_gets_petafits_logging(self, spark_home):
        spark_files.ensure_quiet(spark_home)
        assert "rootLogger.level = warn" in (spark_home / "conf" / "log4j2.properties").read_text()

    def test_an_older_one_of_petafits_is_replaced(self, spark_home):
        (spark_home / "conf").mkdir()
        target = spark_home / "conf" / "log4j2.properties"
        target.write_text("# Written by petafit 0.0.1\nrootLogger.level = trace")
        spark_files.ensure_quiet(spark_home)
        assert "trace" not in target.read_text()

    def test_logging_of_the_users_own_stays(self, spark_home):
        (spark_home / "conf").mkdir()
        (spark_home / "conf" / "log4j2.properties").write_text("mine")
        spark_files.ensure_quiet(spark_home)
        assert (spark_home / "conf" / "log4j2.properties").read_text() == "mine"


def test_the_step_fails_where_spark_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(provision, "find_spec", lambda name: None)
    assert provision.main() == 2
    assert "pip install 'petafit[spark]'" in capsys.readouterr().err


def test_a_second_run_in_a_ready_environment_changes_nothing():
    if spark_files.wrong_jars(provision.spark_folder() / "jars", DELTA[RELEASE].jars):
        pytest.skip("Delta's jars are not installed")
    answer = subprocess.run(
        [sys.executable, "-m", "petafit.spark.provision"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "Delta's jars are in place\n"
