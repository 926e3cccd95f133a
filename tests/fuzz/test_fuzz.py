"""Damaged files: no crash, none accepted that pyarrow refuses, no other rows than pyarrow's."""

import random

import pytest

from tests.fuzz import thrift
from tests.fuzz.campaign import DIED, run, verdict
from tests.fuzz.damage import damaged_footer, damaged_page, with_footer
from tests.fuzz.readers import RAW, REFUSED, ROWS
from tests.fuzz.sound import files


def test_no_damage_does_any(tmp_path):
    """The same as `make fuzz`, for some seconds."""
    report = run(tmp_path, seed=0, pages=300, footers=120)
    assert report.findings == []
    for what in ("page", "footer"):
        assert report.ends[what, REFUSED, REFUSED] > 40
        assert report.ends[what, ROWS, ROWS] > 15


@pytest.mark.parametrize(
    ("ours", "theirs", "wrong"),
    [
        ((ROWS, "1"), (ROWS, "1"), ""),
        ((REFUSED, "why"), (ROWS, "1"), ""),
        ((REFUSED, "why"), (DIED, "-6"), ""),
        ((ROWS, "1"), (ROWS, "2"), "other rows"),
        ((ROWS, "1"), (REFUSED, "why"), "accepted what pyarrow refuses: why"),
        ((ROWS, "1"), (DIED, "-6"), "accepted what pyarrow refuses: -6"),
        ((RAW, "KeyError"), (REFUSED, "why"), "raw: KeyError"),
        ((DIED, "-11"), (REFUSED, "why"), "died: -11"),
    ],
)
def test_findings_are_recognized(ours, theirs, wrong):
    assert verdict(ours, theirs).startswith(wrong)
    assert bool(verdict(ours, theirs)) == bool(wrong)


def test_a_seed_always_gives_the_same_damage():
    for file in list(files())[::7]:
        for damage in (damaged_page, damaged_footer):
            first, again = (damage(file, random.Random(3)) for _ in range(2))
            assert first == again


def test_parsed_files_are_written_back_unchanged():
    for file in files():
        assert with_footer(file.raw[: file.footer_start], file.footer) == file.raw
        for page in file.pages:
            assert thrift.dump(page.header) == file.raw[page.start : page.content_start]
