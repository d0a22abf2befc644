"""``python -m tests.fuzzing [--entry NAME ...] [--cases N] [--seed N]``; exit code 1 where a case failed."""

import argparse
import sys
import time

from tests.fuzzing.runner import ENTRIES, TIMES, run_entry


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing")
    parser.add_argument("--entry", nargs="+", default=list(ENTRIES), choices=ENTRIES, help="(default: all)")
    parser.add_argument("--cases", type=int, help="of each entry (default: as many as CI runs, times MSJOE_FUZZ)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next ones count on")
    args = parser.parse_args()
    failed = False
    for name in args.entry:
        began = time.perf_counter()
        report = run_entry(name, args.cases or TIMES * ENTRIES[name], args.seed)
        sys.stdout.write(f"{name} in {time.perf_counter() - began:.0f} s: {report}\n")
        sys.stdout.flush()
        failed |= bool(report.faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
