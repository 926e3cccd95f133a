"""Choice of a table's reader: the workers directly, or Spark's scan."""

from typing import Literal

from petafit.errors import ConfigurationError
from petafit.stream.old_local_times import hold_old_local_times
from petafit.table.snapshot import Snapshot

How = Literal["direct", "scan"]


def choose(
    snapshot: Snapshot, requested: Literal["auto", "direct", "scan"], engine: str
) -> tuple[How, str]:
    """Return how a table is read, with the reason.

    Parameters
    ----------
    requested : {"auto", "direct", "scan"}
        The reader requested in the settings.
    engine : str
        ``local`` has no scan.

    Raises
    ------
    ConfigurationError
        The requested reader would give wrong rows, or needs Spark, which is not available.
    """
    reason = snapshot.scan_reason
    if requested == "scan" and engine == "local":
        raise ConfigurationError(
            "The local engine cannot scan with Spark",
            hint="Set `stream: auto`, or `engine: spark`.",
        )
    if reason and (requested == "direct" or engine == "local"):
        raise ConfigurationError(
            f"{snapshot.uri} cannot be read without Spark: {reason}",
            hint="Set `engine: spark` and `stream: auto`.",
        )
    if requested != "auto":
        return requested, "as the settings ask"
    if reason:
        return "scan", reason
    if engine != "local" and hold_old_local_times(snapshot):
        return "scan", "files hold points in time before 1900 in the local time of an old Spark"
    return "direct", "the files alone determine the table's rows"
