"""Four hundred malformed files: a report for each, with pictures and health, soon, never a bug.

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
import io, json, resource, signal, sys
from contextlib import redirect_stderr, redirect_stdout
from dbtool.cli.app import main

resource.setrlimit(resource.RLIMIT_AS, (640 << 20, 640 << 20))
codes = {}
for name in sys.argv[1:]:
    for words in (["stats", "--html", "page.html", "--svg", "map.svg"], ["stats", "--health"]):
        signal.alarm(10)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            code = main([*words, "--json", name])
        codes.setdefault(code, []).append(name)
signal.alarm(0)
print(json.dumps(codes))
"""

EXPECTED = {0, 2, 3, 4, 13}
"""Sound enough; no database; parts left out; not healthy; nothing to draw."""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_malformed_file_gets_a_report(tmp_path: Path, part: int) -> None:
    if not SAMPLE.is_file():
        pytest.skip(f"{SAMPLE.name} is not here")
    with zstandard.open(SAMPLE, "rb") as stream:
        data = io.BytesIO(stream.read())
    with tarfile.open(fileobj=data) as archive:
        archive.extractall(tmp_path, filter="data")
    names = sorted(str(path) for path in tmp_path.rglob("*") if path.is_file())[part::PARTS]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(XDG_STATE_HOME=str(tmp_path / "state")),
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    codes = {int(code): found for code, found in json.loads(done.stdout).items()}
    assert not {code: found for code, found in codes.items() if code not in EXPECTED}
