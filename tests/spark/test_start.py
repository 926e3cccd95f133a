"""A cluster's master that does not answer is refused at once, without Spark."""

import socket

import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.session import _build
from petafit.spark.start import require_answer


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
    for proxy in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr("petafit.spark.session.start_jvm", pytest.fail)
    spark = {"master": f"{scheme}127.0.0.1:{closed}"}
    settings = Settings(task="tests", table="none", label="none", spark=spark)
    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{closed}; got Connection refused"):
        _build(settings, "tests")


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
