"""The file that a schema is dumped to."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.migrations.dumpfile import write_dump
from dbtool.errors import Refused
from dbtool.migrate.dump import HEADER


def test_only_dumps_are_written_over(tmp_path: Path) -> None:
    path = tmp_path / "schema.sql"
    assert write_dump(path, f"{HEADER}\n")
    assert not write_dump(path, f"{HEADER}\n")
    assert write_dump(path, f"{HEADER}\nmore")
    path.write_bytes(b"\xff mine")
    with pytest.raises(Refused):
        write_dump(path, f"{HEADER}\n")
    assert path.read_bytes() == b"\xff mine"
    link = tmp_path / "link.sql"
    link.symlink_to(path)
    path.write_bytes(b"")
    assert write_dump(link, f"{HEADER}\n2")
    assert link.is_symlink()
    path.write_bytes(b"")
    assert write_dump(path, f"{HEADER}\n")
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".schema")]
