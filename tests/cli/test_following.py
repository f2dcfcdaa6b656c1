"""What a follower's listener counts and tells."""

from __future__ import annotations

from pathlib import Path

from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.repository import Repository
from dbtool.cli.attention import Attention
from dbtool.cli.context import Session
from dbtool.cli.following import Narrator
from dbtool.errors import StorageFailed
from tests.cli.conftest import Run


def test_trouble_is_a_warning_and_its_end_a_note(run: Run, database: Path, capsys: object) -> None:
    session = Session([])
    follower = Follower(Repository.create("repo"), database, FollowOptions())
    narrator = Narrator(
        session,
        Attention(session.interrupts),
        follower,
        shown="app.db",
        reconfigured=lambda: FollowOptions(interval_s=5),
    )
    narrator.looked(follower.look())
    narrator.troubled(StorageFailed("no-space", "no space is left"), 2.0)
    narrator.looked(follower.look())
    follower.close()
    assert session.warnings == ["no space is left; trying again in 2.0 s"]
    captured = capsys.readouterr()  # type: ignore[attr-defined]
    assert "following app.db again; nothing was lost" in captured.err
    assert "502 pages" not in captured.out
    narrator.ended()
    assert "1 snapshot" in capsys.readouterr().out  # type: ignore[attr-defined]
