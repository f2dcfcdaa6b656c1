"""Rot in a log is told from what an interrupted writer leaves there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.pages.wal import FRAME_HEADER_BYTES, WAL_HEADER_BYTES
from dbtool.pages.walcheck import LogCheck, check_log
from tests.pages.databases import closing, make_accounts

PAGE = 1024
STRIDE = FRAME_HEADER_BYTES + PAGE
COMMITS = 5
UPPER_BITS = frozenset(range(16, 32))
"""Of a word; where the checksum cannot tell between some places."""


def make_log(path: Path, *, commits: int = COMMITS, page_size: int = PAGE) -> bytes:
    """Return a log of some commits, each of several frames."""
    make_accounts(path, rows=20, page_size=page_size)
    with closing(path) as connection:
        connection.pragma("wal_autocheckpoint", 0)
        for n in range(commits):
            connection.execute("UPDATE account SET filler = randomblob(500) WHERE id <= 3")
            connection.execute("UPDATE total SET counter = ?", (n,)) if n % 2 else None
        return path.with_name(path.name + "-wal").read_bytes()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Log(make_log(tmp_path_factory.mktemp("log") / "app.db"))


class Log(bytes):
    """Bytes that Hypothesis need not print."""

    def __repr__(self) -> str:
        return f"<a log of {len(self)} bytes>"


def checked(log: bytes) -> LogCheck:
    found = check_log(lambda at, length: log[at : at + length], len(log))
    assert found is not None
    return found


def flipped(log: bytes, bit: int) -> bytes:
    return log[: bit // 8] + bytes([log[bit // 8] ^ 1 << bit % 8]) + log[bit // 8 + 1 :]


def commit_frames(log: bytes) -> list[int]:
    frames = range((len(log) - WAL_HEADER_BYTES) // STRIDE)
    return [
        n + 1 for n in frames if int.from_bytes(log[WAL_HEADER_BYTES + n * STRIDE + 4 :][:4], "big")
    ]


def without(log: bytes, frame: int, content: bytes = bytes(STRIDE)) -> bytes:
    at = WAL_HEADER_BYTES + (frame - 1) * STRIDE
    return log[:at] + content + log[at + len(content) :]


def test_a_whole_log_has_nothing_broken(log: bytes) -> None:
    found = checked(log)
    assert found.broken == ()
    assert found.frames == found.committed == commit_frames(log)[-1]


@given(number=st.integers(0, 1 << 40))
def test_any_flipped_bit_is_named_with_the_commits_behind_it(log: bytes, number: int) -> None:
    bit = number % (len(log) * 8)
    frame = max(0, bit // 8 - WAL_HEADER_BYTES) // STRIDE + 1 if bit >= WAL_HEADER_BYTES * 8 else 0
    found = checked(flipped(log, bit))
    (broken,) = found.broken
    assert broken.frame == frame
    assert broken.rotted
    assert broken.bit in {bit, None}
    assert broken.bit == bit or bit % 32 in UPPER_BITS
    assert found.proven
    commits = commit_frames(log)
    behind = sum(commit >= frame for commit in commits)
    in_commit_mark = frame and (bit // 8 - WAL_HEADER_BYTES) % STRIDE in range(4, 8)
    assert found.commits_behind in ({behind, behind + 1} if in_commit_mark else {behind})
    assert found.last_commit == commits[-1]
    assert found.committed == max((commit for commit in commits if commit < frame), default=0)
    assert found.pages_behind


def test_every_bit_of_a_log_header_is_named(log: bytes) -> None:
    for bit in range(WAL_HEADER_BYTES * 8):
        (broken,) = checked(flipped(log, bit)).broken
        assert broken.frame == 0
        assert broken.bit in {bit, None}


def test_most_bits_can_be_put_right_and_none_is_put_wrong(log: bytes) -> None:
    draw = random.Random(2)
    right = 0
    for _ in range(200):
        bit = draw.randrange(WAL_HEADER_BYTES * 8, len(log) * 8)
        (broken,) = checked(flipped(log, bit)).broken
        assert broken.bit in {bit, None}
        right += broken.bit is not None
    assert right > 120


@pytest.mark.parametrize("page_size", [512, 65536])
def test_a_flipped_bit_is_found_with_every_page_size(tmp_path: Path, page_size: int) -> None:
    log = make_log(tmp_path / "app.db", commits=3, page_size=page_size)
    draw = random.Random(page_size)
    for _ in range(5):
        bit = draw.randrange(len(log) * 8)
        (broken,) = checked(flipped(log, bit)).broken
        assert broken.rotted
        assert broken.bit in {bit, None}


def test_bits_in_two_frames_are_both_named(log: bytes) -> None:
    bits = [8 * (WAL_HEADER_BYTES + n * STRIDE + 500) + 3 for n in (1, 6)]
    found = checked(flipped(flipped(log, bits[0]), bits[1]))
    assert [broken.bit for broken in found.broken] == bits
    assert found.last_commit == commit_frames(log)[-1]


def test_a_frame_overwritten_in_the_middle_hides_every_later_commit(log: bytes) -> None:
    first = commit_frames(log)[0] + 1
    at = FRAME_HEADER_BYTES + 100
    header = log[WAL_HEADER_BYTES + (first - 1) * STRIDE :][:at]
    for content in (bytes(STRIDE), header + bytes(512)):
        found = checked(without(log, first, content))
        assert found.proven
        assert found.broken[0].frame == first
        assert found.broken[0].bit is None
        assert found.commits_behind == len(commit_frames(log)) - 1


def test_a_last_transaction_that_is_not_whole_proves_nothing(log: bytes) -> None:
    """As a power failure leaves it: pages reach the disk in any order."""
    *_, before, last = commit_frames(log)
    for frame in range(before + 1, last + 1):
        assert not checked(without(log, frame)).proven
        tail = bytes(512)
        torn = log[: WAL_HEADER_BYTES + frame * STRIDE - 512] + tail
        assert not checked(torn + log[len(torn) :]).proven
        assert checked(log[: WAL_HEADER_BYTES + frame * STRIDE - 100]).broken == ()


def test_frames_of_an_older_generation_are_no_break(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_accounts(path, rows=20, page_size=PAGE)
    with closing(path) as connection:
        for _ in range(3):
            connection.execute("UPDATE account SET filler = randomblob(500)")
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        for n in range(3):
            connection.execute("UPDATE total SET counter = ?", (n,))
        log = path.with_name("app.db-wal").read_bytes()
    found = checked(log)
    assert found.broken == ()
    assert found.committed < (len(log) - WAL_HEADER_BYTES) // STRIDE
    behind = flipped(log, len(log) * 8 - 5)
    assert checked(behind) == found


def test_the_rest_of_a_longer_transaction_that_never_counted_proves_nothing(tmp_path: Path) -> None:
    """Its writer was killed between the last frame and the index, and another wrote over it."""
    path = tmp_path / "app.db"
    make_accounts(path, rows=20, page_size=PAGE)
    log = path.with_name("app.db-wal")
    with closing(path) as connection:
        connection.execute("UPDATE total SET counter = 1")
        states = path.read_bytes(), log.read_bytes()
        connection.execute("UPDATE account SET filler = randomblob(500)")
        longer = log.read_bytes()
    other = tmp_path / "other.db"
    other.write_bytes(states[0])
    other.with_name("other.db-wal").write_bytes(states[1])
    with closing(other) as connection:
        connection.execute("UPDATE total SET counter = 2")
        shorter = other.with_name("other.db-wal").read_bytes()
    assert shorter[:32] == longer[:32]
    assert len(shorter) < len(longer)
    found = checked(shorter + longer[len(shorter) :])
    assert found.commits_behind == 1
    assert not found.proven


def test_what_is_no_log_is_none() -> None:
    for content in (b"", b"x" * 31, bytes(5000), random.Random(1).randbytes(5000)):
        assert check_log(lambda at, n, c=content: c[at : at + n], len(content)) is None
