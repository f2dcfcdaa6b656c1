"""Rewriting pages in place is all or nothing, whatever ends the process or the power."""

from __future__ import annotations

import errno
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.core.atomicfile import FileOps
from dbtool.core.rawfile import Kind, RawFile
from dbtool.errors import Damaged, Locked, StorageFailed
from dbtool.pages.inplace import InPlaceTarget
from tests.pages.databases import (
    CRASH_AFTER_COMMIT,
    closing,
    crash,
    invariant,
    listing,
    make_accounts,
    run_python,
)

PAGE = 4096
OPEN_ALL = """
import sqlite3, sys
from pathlib import Path
for folder in sorted(Path(sys.argv[1]).iterdir()):
    connection = sqlite3.connect(folder / "app.db")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    connection.close()
"""
SHAPES = {"grow": (40, 60), "shrink": (60, 40), "same": (50, 50)}


def two_states(folder: Path, shape: str, journal_mode: str = "delete") -> tuple[Path, bytes, bytes]:
    """Return a database, its bytes, and the bytes that it is to have."""
    old_rows, new_rows = SHAPES[shape]
    path, other = folder / "app.db", folder.parent / "other.db"
    make_accounts(path, rows=old_rows, journal_mode=journal_mode)
    make_accounts(other, rows=new_rows, journal_mode=journal_mode)
    # Some pages are alike, so that not every page is rewritten.
    old, new = path.read_bytes(), bytearray(other.read_bytes())
    new[5 * PAGE : 9 * PAGE] = old[5 * PAGE : 9 * PAGE]
    return path, old, bytes(new)


def pages_of(data: bytes) -> dict[int, bytes]:
    return {at // PAGE + 1: data[at : at + PAGE] for at in range(0, len(data), PAGE)}


def rewrite(target: InPlaceTarget, new: bytes) -> list[int]:
    wanted, found = pages_of(new), dict(target.blocks(1))
    numbers = [number for number in wanted if wanted[number] != found.get(number)]
    random.Random(3).shuffle(numbers)
    target.apply(len(wanted), sorted(numbers), ((number, wanted[number]) for number in numbers))
    return numbers


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_the_target_becomes_the_new_database_byte_for_byte(
    folder: Path, shape: str, journal_mode: str
) -> None:
    path, _, new = two_states(folder, shape, journal_mode)
    with InPlaceTarget.open(path) as target:
        assert 0 < len(rewrite(target, new)) < len(new) // PAGE
    assert listing(folder) == {"app.db": new}


def test_a_wal_left_by_a_crash_is_taken_in_first(folder: Path) -> None:
    path, _, new = two_states(folder, "same", "wal")
    crash(CRASH_AFTER_COMMIT, path)
    assert (folder / "app.db-wal").stat().st_size
    with InPlaceTarget.open(path) as target:
        joined = b"".join(data for _, data in target.blocks(16))
        copy = folder.parent / "copy.db"
        copy.write_bytes(joined)
        assert invariant(copy) == 1
        rewrite(target, new)
    assert listing(folder) == {"app.db": new}


class Disk:
    """What was written, in order, and what a power cut may leave of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.before = path.read_bytes()
        self.events: list[tuple[str, str, int, bytes]] = []

    def recorder(
        self, path: Path, kind: Kind = "database", *, writable: bool = False, create: bool = False
    ) -> RawFile:
        disk, name = self, path.name

        class Recording(RawFile):
            def write(self, offset: int, data: bytes | memoryview) -> None:
                super().write(offset, data)
                disk.events.append(("write", name, offset, bytes(data)))

            def truncate(self, size_bytes: int) -> None:
                super().truncate(size_bytes)
                disk.events.append(("truncate", name, size_bytes, b""))

            def sync(self) -> None:
                super().sync()
                disk.events.append(("sync", name, 0, b""))

        if create:
            self.events.append(("create", name, 0, b""))
        return Recording(path, kind, writable=writable, create=create)

    def files(self) -> FileOps:
        disk = self

        class Recording(FileOps):
            def unlink(self, path: Path) -> None:
                super().unlink(path)
                disk.events.append(("unlink", path.name, 0, b""))

            def fsync_folder(self, path: Path) -> None:
                super().fsync_folder(path)
                disk.events.append(("sync-folder", "", 0, b""))

        return Recording()

    def after(  # noqa: C901 - a case for each kind of event
        self, count: int, chance: random.Random | None
    ) -> dict[str, bytes]:
        """Return the files after `count` events: all of them (a killed process), or a random part.

        The part is of what was not synced (a power cut), with writes torn at sectors.
        """
        contents = {self.path.name: bytearray(self.before)}
        waiting: dict[str, list[tuple[str, str, int, bytes]]] = {}
        names, durable_names = {self.path.name}, {self.path.name}
        for event in self.events[:count]:
            action, name = event[:2]
            if action == "create":
                names.add(name)
                contents[name] = bytearray()
            elif action == "unlink":
                names.discard(name)
            elif action == "sync-folder":
                durable_names = set(names)
            elif action == "sync":
                for waiting_event in waiting.pop(name, []):
                    _perform(contents[name], waiting_event)
            else:
                waiting.setdefault(name, []).append(event)
        for name, events in waiting.items():
            for event in events:
                if chance is None:
                    _perform(contents[name], event)
                elif chance.random() < 0.5:
                    _perform(contents[name], _torn(event, chance))
        if chance is not None:
            sure = names & durable_names
            unsure = sorted((names | durable_names) - sure)
            names = sure | {name for name in unsure if chance.random() < 0.5} | {self.path.name}
        return {name: bytes(contents[name]) for name in names}


def _perform(content: bytearray, event: tuple[str, str, int, bytes]) -> None:
    action, _, offset, data = event
    if action == "truncate":
        content.extend(bytes(max(0, offset - len(content))))
        del content[offset:]
    else:
        content.extend(bytes(max(0, offset + len(data) - len(content))))
        content[offset : offset + len(data)] = data


def _torn(event: tuple[str, str, int, bytes], chance: random.Random) -> tuple[str, str, int, bytes]:
    action, name, offset, data = event
    if action == "write" and len(data) > 512 and chance.random() < 0.5:
        data = data[: 512 * chance.randrange(1, len(data) // 512)] if len(data) >= 1024 else data
    return action, name, offset, data


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_crash_or_power_cut_at_any_moment_leaves_the_old_or_the_new_database(
    folder: Path, shape: str, journal_mode: str
) -> None:
    path, old, new = two_states(folder, shape, journal_mode)
    disk = Disk(path)
    with InPlaceTarget.open(path, open_raw=disk.recorder, files=disk.files()) as target:
        rewrite(target, new)
    assert len(disk.events) > 20
    outcomes = folder.parent / "outcomes"
    for count in range(len(disk.events) + 1):
        for attempt in range(4):
            chance = random.Random(f"{count}-{attempt}") if attempt else None
            place = outcomes / f"{count:04}-{attempt}"
            place.mkdir(parents=True)
            for name, data in disk.after(count, chance).items():
                (place / name).write_bytes(data)
    mixed_before = sum(
        (place / "app.db").read_bytes() not in (old, new) for place in outcomes.iterdir()
    )
    assert mixed_before > 20, "the crashes hit nothing half done"
    run_python(OPEN_ALL, outcomes)
    results = {place.name: (place / "app.db").read_bytes() for place in outcomes.iterdir()}
    assert [name for name, data in results.items() if data not in (old, new)] == []
    assert results["0000-0"] == old
    assert results[f"{len(disk.events):04}-0"] == new


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import apsw
from dbtool.core.rawfile import RawFile
from dbtool.pages.inplace import InPlaceTarget
path, new, left = Path(sys.argv[2]), Path(sys.argv[3]).read_bytes(), [int(sys.argv[4])]
class Deadly(RawFile):
    def write(self, offset, data):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), 9)
        super().write(offset, data)
with InPlaceTarget.open(path, open_raw=Deadly) as target:
    count = len(new) // 4096
    target.apply(count, range(1, count + 1), ((n, new[(n - 1) * 4096 : n * 4096]) for n in range(1,
    count + 1)))
"""


@pytest.mark.parametrize("writes", [0, 1, 2, 4, 10, 1000])
def test_a_killed_process_is_undone_by_whoever_opens_the_file_next(
    folder: Path, writes: int
) -> None:
    path, old, new = two_states(folder, "grow")
    (folder.parent / "new.bin").write_bytes(new)
    root = Path(__file__).parents[2]
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            KILLED,
            str(root),
            str(path),
            str(folder.parent / "new.bin"),
            str(writes),
        ],
        check=False,
    )
    assert child.returncode == (0 if writes == 1000 else -9)
    run_python(
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM sqlite_schema')",
        path,
    )
    found = listing(folder)
    assert found.pop("app.db") == (new if writes == 1000 else old)
    assert not any(found.values()), "SQLite may leave an empty journal behind, which means nothing"


def failing(after: int, error_code: int) -> type[RawFile]:
    left = [after]

    def count() -> None:
        left[0] -= 1
        if left[0] == -1:
            error = (
                apsw.FullError("full") if error_code == apsw.SQLITE_FULL else apsw.IOError("broken")
            )
            error.result = error.extendedresult = error_code
            raise error

    class Failing(RawFile):
        def write(self, offset: int, data: bytes | memoryview) -> None:
            count()
            super().write(offset, data)

        def sync(self) -> None:
            count()
            super().sync()

        def truncate(self, size_bytes: int) -> None:
            count()
            super().truncate(size_bytes)

    return Failing


@pytest.mark.parametrize(
    ("error_code", "code"), [(apsw.SQLITE_FULL, "no-space"), (apsw.SQLITE_IOERR, "io-error")]
)
@pytest.mark.parametrize("after", [*range(8), 30])
def test_a_failing_write_leaves_the_old_database(
    folder: Path, after: int, error_code: int, code: str
) -> None:
    path, old, new = two_states(folder, "shrink")
    with (
        InPlaceTarget.open(path, open_raw=failing(after, error_code)) as target,
        pytest.raises(StorageFailed) as caught,
    ):
        rewrite(target, new)
    assert caught.value.code == code
    assert listing(folder) == {"app.db": old}


def test_pages_that_cannot_be_had_leave_the_old_database(folder: Path) -> None:
    path, old, new = two_states(folder, "grow")

    def pages() -> Iterator[tuple[int, bytes]]:
        yield 1, new[:PAGE]
        message = "page 2 cannot be proven"
        raise Damaged("page-damaged", message)

    with InPlaceTarget.open(path) as target, pytest.raises(Damaged, match="page 2"):
        target.apply(len(new) // PAGE, range(1, len(new) // PAGE + 1), pages())
    assert listing(folder) == {"app.db": old}


@pytest.mark.parametrize(
    "given", [[(1, PAGE)], [(1, PAGE), (1, PAGE)], [(3, PAGE)], [(1, PAGE - 1)]]
)
def test_other_pages_than_announced_leave_the_old_database(
    folder: Path, given: list[tuple[int, int]]
) -> None:
    path, old, _ = two_states(folder, "same")
    with InPlaceTarget.open(path) as target, pytest.raises(ValueError, match="rewritten"):
        target.apply(target.page_count, [1, 2], ((first, b"x" * size) for first, size in given))
    assert listing(folder) == {"app.db": old}


def test_pages_may_come_in_runs(folder: Path) -> None:
    path, _, new = two_states(folder, "grow")
    count = len(new) // PAGE
    with InPlaceTarget.open(path) as target:
        target.apply(
            count, range(1, count + 1), [(1, new[: 3 * PAGE]), (4, memoryview(new)[3 * PAGE :])]
        )
    assert listing(folder) == {"app.db": new}


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM account").fetchone()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_process_that_has_the_target_open_is_named(folder: Path, journal_mode: str) -> None:
    path, _, _ = two_states(folder, "same", journal_mode)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(Locked) as caught:
            InPlaceTarget.open(path, busy_timeout_s=0)
        child.communicate()
    assert caught.value.code == "restore-target-busy"
    assert str(child.pid) in caught.value.message


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_connection_of_this_process_keeps_the_target_away(
    folder: Path, journal_mode: str
) -> None:
    path, old, _ = two_states(folder, "same", journal_mode)
    with closing(path) as connection:
        connection.execute("BEGIN; SELECT * FROM account")
        with pytest.raises(Locked) as caught:
            InPlaceTarget.open(path, busy_timeout_s=0.05)
        assert caught.value.code == "restore-target-busy"
    assert path.read_bytes() == old


def test_others_are_kept_out_while_the_target_is_held(folder: Path) -> None:
    path, _, _ = two_states(folder, "same")
    code = (
        "import sqlite3, sys\nconnection = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try: connection.execute('SELECT * FROM account')\n"
        "except sqlite3.OperationalError as error: print(error)"
    )
    with InPlaceTarget.open(path):
        assert run_python(code, path) == "database is locked"
    assert not run_python(code, path)


def test_a_file_of_broken_pages_is_left_to_a_full_rewrite(folder: Path) -> None:
    path, old, _ = two_states(folder, "same")
    path.write_bytes(old + b"x")
    with pytest.raises(Damaged):
        InPlaceTarget.open(path)


@pytest.mark.parametrize("journal_mode", ["persist", "truncate"])
def test_a_journal_that_was_committed_is_no_obstacle(folder: Path, journal_mode: str) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode=journal_mode, rows=5)
    with InPlaceTarget.open(path, busy_timeout_s=0) as target:
        new = path.read_bytes()[PAGE : 2 * PAGE]
        target.apply(target.page_count, [2], [(2, new)])
    assert list(listing(folder)) == ["app.db"]
    assert invariant(path) == 0


def test_a_million_pages_take_little_memory(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, page_size=512, rows=1)
    with InPlaceTarget.open(path) as target:
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="was to be rewritten, but was not given"):
                target.apply(1_000_000, range(1, 1_000_001), [])
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 10_000_000


@pytest.mark.parametrize("numbers", [[0], [-1], [5]])
def test_a_page_outside_the_new_database_is_refused(folder: Path, numbers: list[int]) -> None:
    path, old, _ = two_states(folder, "same")
    with InPlaceTarget.open(path) as target, pytest.raises(ValueError, match="not within 1 to 4"):
        target.apply(4, numbers, [])
    assert listing(folder) == {"app.db": old}


def test_an_idle_connection_of_this_process_keeps_the_target_away(folder: Path) -> None:
    path, old, new = two_states(folder, "same", "delete")
    with closing(path) as forgotten:
        forgotten.execute("SELECT count(*) FROM account").fetchall()
        with pytest.raises(Locked, match="this process") as caught:
            InPlaceTarget.open(path, busy_timeout_s=0)
        assert caught.value.code == "restore-target-busy"
    assert path.read_bytes() == old
    with InPlaceTarget.open(path) as target:
        rewrite(target, new)


def test_a_folder_that_cannot_be_synced_at_the_end_does_not_hide_the_new_content(
    folder: Path,
) -> None:
    path, _, new = two_states(folder, "same")

    class Failing(FileOps):
        unlinked = False

        def unlink(self, path: Path) -> None:
            super().unlink(path)
            self.unlinked = True

        def fsync_folder(self, path: Path) -> None:
            if self.unlinked:
                raise OSError(errno.EIO, "broken")
            super().fsync_folder(path)

    with (
        InPlaceTarget.open(path, files=Failing()) as target,
        pytest.raises(StorageFailed, match="has the new content") as caught,
    ):
        rewrite(target, new)
    assert caught.value.code == "io-error"
    assert listing(folder) == {"app.db": new}


def test_a_journal_that_cannot_be_deleted_brings_the_old_content_back(folder: Path) -> None:
    path, old, new = two_states(folder, "same")

    class Failing(FileOps):
        def unlink(self, path: Path) -> None:
            raise OSError(errno.EIO, "broken")

    with InPlaceTarget.open(path, files=Failing()) as target, pytest.raises(StorageFailed):
        rewrite(target, new)
    assert listing(folder) == {"app.db": old}
