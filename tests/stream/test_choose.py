"""Who reads: the rules, and what is refused."""

import pyarrow as pa
import pytest

from petafit.errors import ConfigurationError
from petafit.stream.choose import choose
from petafit.table.snapshot import Snapshot

REASON = "rows of some files are deleted by deletion vectors"


def table(reason):
    return Snapshot("/table", "delta", 3, pa.schema([]), (), (), reason)


@pytest.mark.parametrize(
    ("reason", "requested", "engine", "expected"),
    [
        (None, "auto", "local", "direct"),
        (None, "auto", "spark", "direct"),
        (None, "direct", "spark", "direct"),
        (None, "scan", "spark", "scan"),
        (REASON, "scan", "spark", "scan"),
        (REASON, "auto", "spark", "scan"),
    ],
)
def test_the_choice(reason, requested, engine, expected):
    how, why = choose(table(reason), requested, engine)
    assert how == expected
    assert why == (REASON if reason and requested == "auto" else why)
    assert why


@pytest.mark.parametrize(
    ("requested", "engine"),
    [("direct", "spark"), ("direct", "local"), ("auto", "local")],
)
def test_what_would_give_wrong_rows_is_refused_with_the_reason(requested, engine):
    with pytest.raises(ConfigurationError, match=REASON):
        choose(table(REASON), requested, engine)


@pytest.mark.parametrize("reason", [None, REASON])
def test_the_local_engine_has_no_scan(reason):
    with pytest.raises(ConfigurationError, match="cannot scan"):
        choose(table(reason), "scan", "local")
