"""Malformed files of the fuzz corpus of SQLite: schemas are dumped and judged, or named as damaged.

They run in a child process with limited memory and an alarm, every fourth of them.
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
EVERY = 4

PROBE = """
import json, resource, signal, sys
from pathlib import Path
from dbtool.errors import DbtoolError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.dump import schema_sql
from dbtool.migrate.lint.run import count_rows, lint
from dbtool.migrate.opening import open_to_look

resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
migration = read_migration(Path("1_a.sql"), "CREATE TABLE dbtool_zz(a INT) STRICT;")

def dump(connection):
    schema_sql(connection)

def judge(connection):
    lint([migration], connection, rows=count_rows(connection))

answers = {}
for name in sys.argv[1:]:
    for work in (dump, judge):
        signal.alarm(5)
        try:
            with open_to_look(Path(name)) as connection:
                work(connection)
            answer = "done"
        except DbtoolError as error:
            answer = error.code
        answers[answer] = answers.get(answer, 0) + 1
signal.alarm(0)
print(json.dumps(answers))
"""


def test_every_malformed_file_gets_an_answer(tmp_path: Path) -> None:
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
        [sys.executable, "-c", PROBE, *files[::EVERY]],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert answers["done"] > 20
    assert answers["database-damaged"] > 20
