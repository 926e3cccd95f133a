"""The cluster's master that a URL names: asked for an answer before Spark waits for one."""

import os
import socket
from urllib.parse import urlsplit

from petafit.errors import ConfigurationError

_SECONDS = 5.0
_SCHEMES = {"spark://": None, "k8s://": 443}
"""What begins a URL that names hosts, and the port where it names none."""

HINT = (
    "Check `spark.master`, that the master is up, of this version of Spark, and open to this "
    "machine; `--set spark.master='local[*]'` needs none."
)


def require_answer(master: str) -> None:
    """Refuse a standalone or Kubernetes master that takes no connection.

    Spark itself asks for a minute or more, and ends in an error of something else.

    Raises
    ------
    ConfigurationError
        None of the addresses that the URL names can be connected to.
    """
    failed = {}
    for host, port in _addresses(master):
        try:
            socket.create_connection((host, port), timeout=_SECONDS).close()
        except OSError as error:
            failed[f"{host}:{port}"] = error.strerror or str(error)
        else:
            return
    if failed:
        raise ConfigurationError(
            f"No Spark master answers at {', '.join(failed)}",
            got="; ".join(dict.fromkeys(failed.values())),
            hint=HINT,
        )


def _addresses(master: str) -> list[tuple[str, int]]:
    """Return the hosts and ports in a URL; none if Spark itself must judge it.

    Examples
    --------
    >>> _addresses("spark://a:7077,b:7078"), _addresses("k8s://https://a"), _addresses("yarn")
    ([('a', 7077), ('b', 7078)], [('a', 443)], [])
    """
    scheme = next((scheme for scheme in _SCHEMES if master.startswith(scheme)), None)
    if scheme is None or (scheme == "k8s://" and _behind_proxy()):
        return []
    addresses = []
    for part in master.removeprefix(scheme).split(","):
        url = urlsplit(part if "://" in part else f"//{part}")
        try:
            port = url.port or (80 if url.scheme == "http" else _SCHEMES[scheme])
        except ValueError:
            return []
        if not url.hostname or port is None:
            return []
        addresses.append((url.hostname, port))
    return addresses


def _behind_proxy() -> bool:
    """Return whether Spark's Kubernetes client may use a proxy."""
    return any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"))
