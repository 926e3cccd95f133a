"""The address of an object store for this process, by the AWS SDK's environment variables.

pyarrow and delta-rs read these variables themselves, so that both reach the same service. A pickled
`Folder` carries them to workers that another process started.
"""

import os
from collections.abc import Mapping

ANONYMOUS = "AWS_SKIP_SIGNATURE"
VIRTUAL_HOSTS = "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"

_exported: dict[str, str] = {}


def export(variables: Mapping[str, str]) -> None:
    """Set environment variables, and unset those of an earlier call that are not among them."""
    for name in _exported.keys() - variables.keys():
        os.environ.pop(name, None)
    _exported.clear()
    _exported.update(variables)
    os.environ.update(variables)


def exported() -> dict[str, str]:
    """Return the variables of the last `export`."""
    return dict(_exported)


def is_on(variable: str) -> bool:
    """Return whether an environment variable says ``true``."""
    return os.environ.get(variable, "").lower() == "true"
