"""`make fuzz`: damaged pages and footers by the thousand; exits with 1 on a finding."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import run


def main():
    """Run a campaign and print what came of it."""
    arguments = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    arguments.add_argument("--seed", type=int, default=0, help="another one, other mutants")
    arguments.add_argument("--pages", type=int, default=20_000)
    arguments.add_argument("--footers", type=int, default=2_000)
    arguments.add_argument("--only", type=int, help="the number of the one mutant to try")
    chosen = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="petafit-fuzz-"))
    report = run(
        folder, seed=chosen.seed, pages=chosen.pages, footers=chosen.footers, only=chosen.only
    )
    print(f"seed {chosen.seed}: what was damaged, what petafit said, what pyarrow said")
    for (what, ours, theirs), count in sorted(report.ends.items()):
        print(f"{count:8,}  {what:7} {ours:8} {theirs}")
    for finding in report.findings:
        print("FINDING", finding)
    print(f"{len(report.findings)} findings")
    if not report.findings:
        shutil.rmtree(folder)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
