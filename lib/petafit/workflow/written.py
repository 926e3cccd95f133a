"""What a run wrote: by which key tables know it, and where it lists the files."""

from collections.abc import Mapping
from typing import Any

from petafit.store.arrays import digest

FILE = "written.json"
"""In the run's folder: by table, the files that the run added to it."""


def output_key(manifest: Mapping[str, Any]) -> str:
    """Names what a run writes; another one where the run makes its output again."""
    again = f" {manifest['made']}" if manifest.get("made", 1) > 1 else ""
    return f"{manifest['job']}-{digest((manifest['run_id'] + again).encode())[:16]}"
