"""petafit and its peers on the same table, in one record and one page."""

import logging
from collections.abc import Sequence
from pathlib import Path

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.store.address import Address
from petafit_benchmark.page import write_page
from petafit_benchmark.progress import watching
from petafit_benchmark.record import Record
from petafit_benchmark.suite import Bench, load_suite

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
    """Measure contenders, each as a process of its own; what is known is kept after each of them.

    Parameters
    ----------
    settings : Settings
        Say where tables are kept (``paths.data``) and how they are generated.
    suite : str
        A module of `petafit_benchmark.suites`.
    contenders : sequence of str
        Measure these only, and keep what is known of the others on the same table; by default the
        suite's.
    rows : int, optional
        Of the table; by default as many as the suite says.
    quick : bool
        Take the suite's small table, and leave out what takes minutes on that, too.
    output : path
        Gets ``benchmark.json``, ``benchmark.html`` and logs.

    Raises
    ------
    ConfigurationError
        Unknown suite or contenders, or data that are not on the local disk.
    """
    asked = load_suite(suite)
    data = _local(settings.paths.data) / "benchmark"
    folder = Path(output).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    record = Record.read(folder)
    if quick and asked.SLOW and not contenders:
        log.info("--quick leaves out %s; --contenders measures them", ", ".join(asked.SLOW))
        contenders = [name for name in asked.CONTENDERS if name not in asked.SLOW]
    with watching(len(contenders or asked.CONTENDERS)) as watcher:
        bench = Bench(
            settings=settings,
            data=data,
            folder=folder,
            rows=rows or (asked.QUICK_ROWS if quick else asked.ROWS),
            watcher=watcher,
            chosen=tuple(contenders),
        )
        for result in asked.run(bench):
            watcher.ends(result)
            record = record.with_result(result, bench, order=asked.CONTENDERS)
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
