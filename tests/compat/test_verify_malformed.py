"""Four hundred malformed files of SQLite's fuzz corpus: an answer for each, soon, in little memory.

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
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import VerifyOptions

resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
answers = {}
for name in sys.argv[1:]:
    for full in (False, True):
        signal.alarm(5)
        try:
            answer = str(verify_database(Path(name), VerifyOptions(full=full)).verdict)
        except DbtoolError as error:
            answer = error.code
        answers[name, full] = answer
signal.alarm(0)
print(json.dumps(sorted(set(answers.values()))))
"""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_malformed_file_gets_an_answer(tmp_path: Path, part: int) -> None:
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
    assert len(files) > 300
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *files[part::PARTS]],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "data damage" in json.loads(done.stdout)
