"""Every suite by its name."""

from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark.suite import Suite
from petafit_benchmark.suites.merging import MERGING
from petafit_benchmark.suites.peers import CLICKS, TEXT, TREES
from petafit_benchmark.suites.scaling import SCALE, SHARDS

SUITES = {suite.name: suite for suite in (CLICKS, TEXT, TREES, SCALE, MERGING, SHARDS)}


def find_suite(name: str) -> Suite:
    """Find a suite.

    Raises
    ------
    ConfigurationError
        There is no such suite.
    """
    if name not in SUITES:
        raise ConfigurationError(f"There is no suite {name!r}", hint=did_you_mean(name, SUITES))
    return SUITES[name]
