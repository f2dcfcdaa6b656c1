"""Run the model of several clients on one repository for as long as wanted, each time anew.

python -m tests.crash.soak_repository --minutes 30
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

MODEL = "tests/properties/test_repository_model.py"
EXAMPLES = 200


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    deadline_s = time.monotonic() + 60 * parser.parse_args().minutes
    rounds = 0
    while time.monotonic() < deadline_s:
        rounds += 1
        # Without the limit of the suite for one test: a busy machine is no fault.
        words = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--timeout=0"]
        words.append(f"--hypothesis-seed={rounds}")
        done = subprocess.run(
            [*words, MODEL],
            env={**os.environ, "REPOSITORY_MODEL_EXAMPLES": str(EXAMPLES)},
            check=False,
        )
        if done.returncode:
            print(f"round {rounds} failed; --hypothesis-seed={rounds} shows it again")
            return 1
    print(f"{rounds} rounds of {2 * EXAMPLES} histories, and nothing was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
