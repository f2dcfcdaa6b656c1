"""What verify says: of sound databases, of each kind of damage, and of bits that flip."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import apsw
import pytest

from dbtool.api import Repository
from dbtool.errors import DbtoolError
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import DAMAGES, Code, Rung, Verdict, VerifyOptions
from tests.integrity.damaged import (
    Damaged,
    brief,
    cut,
    flip,
    make_damaged,
    noise,
    put,
    zero,
)


@pytest.mark.parametrize("wal", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_a_sound_database_is_healthy(tmp_path: Path, wal: bool, full: bool) -> None:
    damaged = make_damaged(tmp_path, wal=wal)
    connection = apsw.Connection(str(damaged.path))
    connection.execute("DELETE FROM child WHERE a BETWEEN 600 AND 900")
    connection.close()
    report = damaged.verify(full=full)
    assert report.findings == ()
    assert report.verdict == Verdict.HEALTHY
    assert {item.name for item in report.objects} >= {"a", "ax", "w", "f", "r", "freelist"}
    assert report.complete
    assert not list(tmp_path.glob("app.db-*"))


def test_an_empty_file_is_healthy(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert verify_database(tmp_path / "empty.db").verdict == Verdict.HEALTHY


def test_a_file_that_was_emptied_since_its_snapshot_is_damaged(damaged: Damaged) -> None:
    damaged.damage(lambda raw: raw.clear(), quietly=False)
    report = damaged.verify()
    assert report.verdict == Verdict.DATA_DAMAGE
    assert [(found.code, found.rung) for found in report.findings] == [
        (Code.FILE_TRUNCATED, Rung.RESTORE)
    ]


def test_without_a_snapshot_the_structure_alone_decides(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")))
    report = damaged.verify(repository=False)
    assert report.snapshot is None
    assert ("tree-damaged", "a") in brief(report.findings)
    verdict = next(item for item in report.objects if item.name == "a")
    assert verdict.verdict == Verdict.DATA_DAMAGE
    assert verdict.rung == Rung.SALVAGE
    assert verdict.rows_at_risk > 0


MATRIX = {
    "zeroed leaf": (lambda d: [zero(d.page("a"))], "a", Rung.TRANSPLANT),
    "random leaf": (lambda d: [noise(d.page("a"))], "a", Rung.TRANSPLANT),
    "bit in a record header": (lambda d: [flip(d.page("a") * 32768 - 700)], "a", Rung.TRANSPLANT),
    "zeroed root": (lambda d: [zero(d.page("a", "internal", 0))], "a", Rung.TRANSPLANT),
    "zeroed index leaf": (lambda d: [zero(d.page("ax"))], "ax", Rung.DERIVED),
    "zeroed interior page": (lambda d: [zero(d.page("ax", "internal", 0))], "ax", Rung.DERIVED),
    "without rowid": (lambda d: [zero(d.page("w"))], "w", Rung.TRANSPLANT),
    "overflow page": (lambda d: [zero(d.page("a", "overflow"))], "a", Rung.TRANSPLANT),
    "full-text index": (lambda d: [zero(d.page("f_data"))], "f_data", Rung.DERIVED),
    "text of the full-text index": (
        lambda d: [zero(d.page("f_content"))],
        "f_content",
        Rung.TRANSPLANT,
    ),
    "r-tree": (lambda d: [zero(d.page("r_node"))], "r_node", Rung.TRANSPLANT),
    "bad magic": (lambda _: [put(0, b"x" * 16)], "sqlite_schema", Rung.TRANSPLANT),
    "random page 1": (lambda _: [noise(1)], "sqlite_schema", Rung.TRANSPLANT),
    "random schema": (
        lambda _: [put(100, random.Random(1).randbytes(3996))],
        "sqlite_schema",
        Rung.TRANSPLANT,
    ),
    "freelist": (lambda _: [put(36, (3).to_bytes(4, "big"))], "freelist", Rung.DERIVED),
    "truncated": (lambda _: [cut(0.7)], "w", Rung.SALVAGE),
}


@pytest.mark.parametrize("kind", MATRIX)
def test_damage_is_found_named_and_given_its_rung(damaged: Damaged, kind: str) -> None:
    changes, name, rung = MATRIX[kind]
    damaged.damage(*changes(damaged))
    report = damaged.verify()
    assert report.damaged
    verdict = next(item for item in report.objects if item.name == name)
    assert verdict.verdict in DAMAGES
    assert verdict.rung == rung


@pytest.mark.parametrize("kind", sorted(set(MATRIX) - {"overflow page", "bit in a record header"}))
def test_damage_of_the_structure_is_found_without_a_repository(damaged: Damaged, kind: str) -> None:
    changes, _, _ = MATRIX[kind]
    damaged.damage(*changes(damaged))
    assert damaged.verify(repository=False).damaged


def test_one_percent_of_the_pages_zeroed(damaged: Damaged) -> None:
    count = len(damaged.good) // 4096
    numbers = random.Random(4).sample(range(2, count + 1), max(3, count // 100))
    damaged.damage(*map(zero, numbers))
    report = damaged.verify()
    rotted = {n for f in report.findings if f.code == "page-rotted" for n in f.page_numbers()}
    changed = {n for n in numbers if damaged.good[(n - 1) * 4096 : n * 4096] != bytes(4096)}
    assert rotted == changed


def test_a_page_that_a_writer_may_have_changed_is_left_to_the_structure(damaged: Damaged) -> None:
    damaged.damage(flip(damaged.page("a", "overflow") * 32768 - 900), quietly=False)
    report = damaged.verify()
    assert report.pages_differing == 1
    assert not report.unchanged
    assert report.findings == ()


def test_a_commit_since_the_snapshot_is_no_rot(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    connection.execute("UPDATE a SET x = 'changed' WHERE id < 20")
    report = damaged.verify()
    connection.close()
    assert report.pages_differing > 0
    assert report.verdict == Verdict.HEALTHY


def test_every_flipped_bit_is_found_by_the_pages_level(damaged: Damaged) -> None:
    draw = random.Random(20)
    for _ in range(25):
        bit = draw.randrange(len(damaged.good) * 8)
        damaged.damage(flip(bit))
        report = damaged.verify()
        assert report.damaged, f"bit {bit}"
        page = bit // 8 // 4096 + 1
        assert any(page in finding.page_numbers() for finding in report.findings), f"bit {bit}"


def test_writers_go_on_meanwhile(damaged: Damaged) -> None:
    stop = threading.Event()
    commits = 0

    def write() -> None:
        nonlocal commits
        connection = apsw.Connection(str(damaged.path))
        connection.set_busy_timeout(0)
        connection.execute("PRAGMA synchronous = OFF")
        while not stop.is_set():
            connection.execute("UPDATE a SET x = x || 'y' WHERE id = 7")
            commits += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reports = [damaged.verify(full=True) for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    assert commits
    for report in reports:
        assert not report.damaged


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (random.Random(5).randbytes(65536), "database-encrypted"),
        (b"just text\n" * 1000, "not-a-database"),
        (b"PK\x03\x04" + bytes(9000), "not-a-database"),
    ],
)
def test_what_is_no_database_is_an_error(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(DbtoolError) as caught:
        verify_database(path)
    assert caught.value.code == code


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DbtoolError) as caught:
        verify_database(tmp_path / "none.db")
    assert caught.value.exit_code == 10


def test_hostile_names_are_data(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    for name in ('quo"te', "it's", "12", "\x1b[2Jx", "[red]", "a;b--", "sélect"):
        shown = '"' + name.replace('"', '""') + '"'
        connection.execute(f"CREATE TABLE {shown}(id INTEGER PRIMARY KEY, x JSON)")
        connection.execute(f'CREATE INDEX "ix {name.replace(chr(34), "")}" ON {shown}(x)')
        connection.execute(f"INSERT INTO {shown}(x) VALUES ('{{}}')")
    connection.close()
    for full in (False, True):
        report = verify_database(path, VerifyOptions(full=full))
        assert report.verdict == Verdict.HEALTHY, report.findings


def test_the_newest_snapshot_of_another_database_is_not_compared_with(tmp_path: Path) -> None:
    damaged = make_damaged(tmp_path)
    other = tmp_path / "other.db"
    apsw.Connection(str(other)).execute("CREATE TABLE t(x)")
    assert isinstance(damaged.repository, Repository)
    report = verify_database(other, repository=damaged.repository)
    assert report.snapshot is None
