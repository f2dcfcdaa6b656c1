"""Four hundred malformed files: a plan for each, soon, in little memory; and some repaired.

They run in child processes with limited memory and an alarm, several files each.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from tests.cli.conftest import SOURCE, environment

SAMPLE = SOURCE.parent / "shared" / "data" / "malformed-sample.tar.zst"
PARTS = 4

PROBE = """
import json, resource, signal, sys
from pathlib import Path
from dbtool.errors import DbtoolError
from dbtool.integrity.repair.model import RepairOptions
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair

resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
answers = set()
for number, name in enumerate(sys.argv[1:]):
    path = Path(name)
    before = path.read_bytes()
    signal.alarm(5)
    try:
        plan = plan_repair(path, RepairOptions(drop_cache=False))
        answers.add(plan.chosen.rung.name if plan.chosen else "healthy")
    except DbtoolError as error:
        answers.add(error.code)
        continue
    if number % 5 == 0 and not plan.healthy:
        signal.alarm(10)
        try:
            result = run_repair(plan)
        except DbtoolError as error:
            answers.add(error.code)
        else:
            answers.add("held" if result.healed else "none held")
            assert result.healed or path.read_bytes() == before
            assert (result.evidence.folder / path.name).read_bytes() == before
signal.alarm(0)
print(json.dumps(sorted(answers)))
"""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_malformed_file_gets_a_plan(tmp_path: Path, part: int) -> None:
    if not SAMPLE.is_file():
        pytest.skip(f"{SAMPLE.name} is not here")
    with zstandard.open(SAMPLE, "rb") as stream:
        data = io.BytesIO(stream.read())
    with tarfile.open(fileobj=data) as archive:
        archive.extractall(tmp_path, filter="data")
    files = sorted(
        str(path)
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm", "-journal"))
    )
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *files[part::PARTS]],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert {"SALVAGE", "held"} <= set(answers), answers
