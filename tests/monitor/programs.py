"""Programs that use a database beside the one that looks at it, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

_CODE = """
import os, signal, sys
import apsw
connections = {"": apsw.Connection(sys.argv[1])}
kept = []
for line in sys.stdin:
    name, _, text = line.rstrip("\\n").partition("|")
    try:
        if name not in connections:
            connections[name] = apsw.Connection(sys.argv[1])
        if text == "CLOSE":
            connections.pop(name).close()
        elif text.startswith("KEEP "):
            cursor = connections[name].cursor()
            cursor.execute(text[5:])
            next(cursor)
            kept.append(cursor)
        else:
            connections[name].execute(text).fetchall()
        print("ok", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""


class Program:
    """A process with connections to one database, which does what it is told, one thing at a time.

    It opens the database when it begins.
    """

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.pid = self._process.pid

    def run(self, *statements: str, on: str = "") -> None:
        """Run statements on one of its connections; each must succeed."""
        for statement in statements:
            answer = self.attempt(statement, on=on)
            assert answer == "ok", (statement, answer)

    def attempt(self, statement: str, *, on: str = "") -> str:
        """Run a statement; return "ok" or the name of the exception."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{on}|{statement}\n")
        return self._process.stdout.readline().strip()

    def end(self) -> None:
        """Let it close its connections and end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()


def wal_database(path: Path) -> Path:
    """Make a database in WAL mode with one table, closed again."""
    with Program(path) as program:
        program.run("PRAGMA journal_mode = wal", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        program.run("INSERT INTO t VALUES(0, 'x')")
        program.end()
    return path
