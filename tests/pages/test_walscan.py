"""The committed frames of a log are those that SQLite would replay."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dbtool.pages.wal import WalInvalid
from dbtool.pages.walscan import committed_frames
from tests.pages.databases import closing, make_accounts


def logged(path: Path) -> tuple[bytes, bytes]:
    """Return database and log while the last transactions are in the log only."""
    make_accounts(path, rows=20, page_size=1024)
    with closing(path) as connection:
        connection.pragma("wal_autocheckpoint", 0)
        for n in range(5):
            connection.execute("UPDATE account SET amount = ?, filler = randomblob(500)", (n,))
        return path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()


def overlaid(main: bytes, log: bytes) -> bytes:
    frames = committed_frames(lambda at, length: log[at : at + length], len(log))
    size = frames.page_size
    pages = bytearray(main.ljust(frames.page_count * size, b"\0")[: frames.page_count * size])
    for number, at in frames.offsets.items():
        pages[(number - 1) * size : number * size] = log[at : at + size]
    return bytes(pages)


def test_the_overlay_is_what_a_checkpoint_makes(folder: Path) -> None:
    path = folder / "app.db"
    main, log = logged(path)
    copy = folder / "copy.db"
    copy.write_bytes(main)
    copy.with_name("copy.db-wal").write_bytes(log)
    with closing(copy) as connection:
        connection.execute("SELECT * FROM total").fetchall()
        connection.wal_checkpoint(mode=3)
    assert overlaid(main, log) == copy.read_bytes()


def test_a_damaged_frame_ends_the_log_at_the_commit_before(folder: Path) -> None:
    main, log = logged(folder / "app.db")
    whole = committed_frames(lambda at, length: log[at : at + length], len(log))
    draw = random.Random(3)
    for _ in range(20):
        at = draw.randrange(32, len(log))
        damaged = bytearray(log)
        damaged[at] ^= 1 << draw.randrange(8)
        frames = committed_frames(lambda o, n, d=bytes(damaged): d[o : o + n], len(damaged))
        assert all(offset + 1024 <= at // 1048 * 1048 + 1080 for offset in frames.offsets.values())
        assert len(frames.offsets) <= len(whole.offsets)
    cut = committed_frames(lambda at, length: log[:-1][at : at + length], len(log) - 1)
    assert max(cut.offsets.values()) < max(whole.offsets.values())
    assert main


def test_a_log_whose_header_is_damaged_is_refused(folder: Path) -> None:
    _, log = logged(folder / "app.db")
    for at in (0, 8, 12, 17, 25, 31):
        damaged = log[:at] + bytes([log[at] ^ 4]) + log[at + 1 :]
        with pytest.raises(WalInvalid):
            committed_frames(lambda o, n, d=damaged: d[o : o + n], len(damaged))
