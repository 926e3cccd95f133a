"""A contender's own process: ``python -m petafit_benchmark.contenders NAME --cores N ...``.

The spec file holds a list of specs and the result file a list of results, so that tuning pays for
imports and sessions once.
"""

import argparse
import os


def main() -> None:
    """Train for every spec; a failure is the process's own traceback and exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--spec", required=True)
    parser.add_argument("--result", required=True)
    arguments = parser.parse_args()
    _pin(arguments.cores)
    _run(arguments.name, arguments.spec, arguments.result)


def _pin(cores: int) -> None:
    """Pin this process, its threads and its children to so many cores, where the system can.

    They are taken from the end: the benchmark's own process runs on the first.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def _run(name: str, spec: str, result: str) -> None:
    # Imported late: threads that numerical libraries start are pinned only if they come after.
    from petafit_benchmark.contender import read_specs, write_json
    from petafit_benchmark.contenders.registry import load_contender

    contender = load_contender(name)
    write_json(result, [contender.train(one) for one in read_specs(spec)])


if __name__ == "__main__":
    main()
