"""Mutants, petafit, and pyarrow as the judge."""

import os
import random
import select
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.damage import damaged_footer, damaged_page
from tests.fuzz.readers import REFUSED, ROWS
from tests.fuzz.sound import files

PATIENCE_S = 300
"""For a file; the first one may wait for kernels to be compiled."""
DIED, HUNG = "died", "hung"
_ROOT = Path(__file__).parents[2]
_DAMAGE = {"page": damaged_page, "footer": damaged_footer}


class Reader:
    """A process that reads one file after the other; another one follows where it dies."""

    def __init__(self, name):
        self._name, self._process = name, None
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed with the reader

    def ask(self, path, like):
        """Begin to read."""
        if self._process is None:
            paths = os.pathsep.join(
                [str(_ROOT), str(_ROOT / "lib"), os.environ.get("PYTHONPATH", "")]
            )
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.readers", self._name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
                env={**os.environ, "PYTHONPATH": paths},
            )
        self._process.stdin.write(f"{path}\t{like}\n")
        self._process.stdin.flush()

    def answer(self):
        """The answer of both readers."""
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        line = self._process.stdout.readline() if ready else ""
        if line:
            kind, _, text = line.rstrip("\n").partition("\t")
            return kind, text
        code = self._end()
        self._said.seek(0)
        last = self._said.read()[-200:].split("\n")[-2:]
        return (DIED if ready else HUNG), f"exit code {code}: {' '.join(last)}"

    def _end(self):
        self._process.stdin.close()
        if self._process.poll() is None:
            self._process.kill()
        code = self._process.wait()
        self._process.stdout.close()
        self._process = None
        return code

    def close(self):
        """End the process."""
        if self._process is not None:
            self._end()
        self._said.close()


@dataclass
class Report:
    """The result of a campaign.

    Attributes
    ----------
    ends : Counter
        Number of mutants by kind and by the answers of both readers.
    findings : list of str
        Each with the command that reproduces it.
    """

    ends: Counter = field(default_factory=Counter)
    findings: list = field(default_factory=list)


def verdict(ours, theirs):
    """The fault in petafit's answer, given pyarrow's; empty if there is none."""
    if ours[0] == REFUSED:
        return ""
    if ours[0] != ROWS:
        return f"{ours[0]}: {ours[1]}"
    if theirs[0] != ROWS:
        return f"accepted what pyarrow refuses: {theirs[1]}"
    return "" if ours[1] == theirs[1] else "other rows than pyarrow's"


def run(folder, *, seed, pages=0, footers=0, only=None):
    """Try so many damaged pages and footers; `only` is the number of the one mutant to try."""
    report, sound = Report(), list(files())
    likes = []
    for number, file in enumerate(sound):
        likes.append(folder / f"{number}.schema")
        likes[-1].write_bytes(file.schema.serialize())
    readers = [Reader("petafit"), Reader("pyarrow")]
    try:
        for what, count in (("sound", len(sound)), ("page", pages), ("footer", footers)):
            for number in range(count):
                if only not in (None, number):
                    continue
                dice = random.Random(f"{seed} {what} {number}")
                which = number if what == "sound" else dice.randrange(len(sound))
                how, raw = "as it is", sound[which].raw
                if what != "sound":
                    how, raw = _DAMAGE[what](sound[which], dice)
                path = folder / "mutant.parquet"
                path.write_bytes(raw)
                for reader in readers:
                    reader.ask(path, likes[which])
                ours, theirs = (reader.answer() for reader in readers)
                wrong = verdict(ours, theirs)
                if what == "sound" and ours[0] != ROWS:
                    wrong = f"a sound file is refused: {ours[1]}"
                report.ends[what, ours[0], theirs[0]] += 1
                if wrong:
                    kept = folder / f"finding-{seed}-{what}-{number}.parquet"
                    kept.write_bytes(raw)
                    report.findings.append(
                        f"{wrong} | {how} of a file with {sound[which].name}"
                        f" | seed {seed}, {what} {number}: {kept}"
                    )
    finally:
        for reader in readers:
            reader.close()
    return report
