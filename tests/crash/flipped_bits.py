"""Flip single bits, thousands of them: the pages level finds each, and names its page.

    python tests/crash/flipped_bits.py --count 20000

The test suite does 500 of them (`tests/integrity/test_pagelevel.py`). For comparison a share of the
flips is also shown to `PRAGMA quick_check` and `PRAGMA integrity_check`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import apsw

from tests.integrity.damaged import Damaged, flip, make_damaged
from tests.integrity.test_pagelevel import compared


def missed_by(damaged: Damaged, pragma: str) -> bool:
    """Say whether SQLite finds nothing."""
    connection = apsw.Connection(str(damaged.path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(f"PRAGMA {pragma}(1)").fetchall() == [("ok",)]
    except apsw.Error:
        return False
    finally:
        connection.close()


def main() -> int:
    """Flip, look, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compare", type=int, default=500, help="flips shown to SQLite as well")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    missed: list[int] = []
    by_sqlite = {"quick_check": 0, "integrity_check": 0}
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dbtool-flips-") as folder:
        damaged = make_damaged(Path(folder))
        bits = len(damaged.good) * 8
        for number in range(options.count):
            bit = draw.randrange(bits)
            damaged.damage(flip(bit))
            if list(compared(damaged).differing) != [bit // 8 // 4096 + 1]:
                missed.append(bit)
            if number < options.compare:
                for pragma in by_sqlite:
                    by_sqlite[pragma] += missed_by(damaged, pragma)
    print(
        f"{options.count:,} flips in {time.monotonic() - began_s:.0f} s, missed: {missed or 'none'}"
    )
    for pragma, count in by_sqlite.items():
        print(f"{pragma} missed {count / max(1, options.compare):.1%} of {options.compare}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
