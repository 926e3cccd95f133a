"""The benchmark: measures a suite, and keeps a record and a page."""

import logging
from collections.abc import Sequence
from pathlib import Path

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.store.address import Address
from petafit_benchmark.page import write_page
from petafit_benchmark.record import Record
from petafit_benchmark.suite import Bench
from petafit_benchmark.suites.registry import find_suite
from petafit_benchmark.terminal import show_progress

log = logging.getLogger("petafit")


def benchmark(
    settings: Settings,
    *,
    suite: str = "clicks",
    contenders: Sequence[str] = (),
    rows: int | None = None,
    quick: bool = False,
    output: str | Path = "benchmarks",
) -> Record:
    """Measure contenders, each as a process of its own; the record is written after each of them.

    Parameters
    ----------
    settings : Settings
        Folder of the tables (``paths.data``), and the engine that generates them.
    suite : str
        One of `SUITES`.
    contenders : sequence of str
        Measure only these, and keep the results of others on the same table; by default all of the
        suite.
    rows : int, optional
        Rows of the table, by default the suite's.
    quick : bool
        Use the suite's small table, and leave out contenders that take minutes even on that.
    output : path
        Folder for ``benchmark.json``, ``benchmark.html`` and logs.

    Raises
    ------
    ConfigurationError
        Unknown suite or contenders, or a data folder that is not on the local disk.
    """
    measured = find_suite(suite)
    data = _local(settings.paths.data) / "benchmark"
    folder = Path(output).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    record = Record.read(folder)
    if quick and measured.slow and not contenders:
        log.info("--quick leaves out %s; --contenders measures them", ", ".join(measured.slow))
        contenders = [name for name in measured.contenders if name not in measured.slow]
    with show_progress(len(contenders or measured.contenders)) as watcher:
        bench = Bench(
            settings=settings,
            data=data,
            folder=folder,
            rows=rows or (measured.quick_rows if quick else measured.rows),
            watcher=watcher,
            chosen=tuple(contenders),
        )
        for result in measured.run(bench):
            watcher.ends(result)
            record = record.with_result(result, bench, order=measured.contenders)
            record.write(folder)
            write_page(record, folder)
    return record


def _local(uri: str) -> Path:
    address = Address.parse(uri)
    if not address.is_local:
        raise ConfigurationError(
            "A benchmark needs its tables on the local disk",
            got=f"paths.data: {uri}",
            hint="Give another with `--set paths.data=...`.",
        )
    return Path(address.uri)
