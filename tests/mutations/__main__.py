"""`python -m tests.mutations [--only NAME ...]`: seed every bug in turn; the exit status is 1 when one survives."""

import argparse

from tests.mutations.bugs import BUGS
from tests.mutations.seed import outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[bug.name for bug in BUGS])
    only = parser.parse_args().only
    bugs = [bug for bug in BUGS if only is None or bug.name in only]
    survivors = 0
    for bug in bugs:
        found = outcome(bug)
        survivors += not found.caught
        verdict = f"caught by {found.by}" if found.caught else f"SURVIVED {', '.join(bug.tests)}"
        print(f"{bug.name:20} {found.seconds:5.0f} s  {verdict}  ({bug.breaks})", flush=True)
    print(f"{len(bugs) - survivors} of {len(bugs)} caught")
    return 1 if survivors else 0


raise SystemExit(main())
