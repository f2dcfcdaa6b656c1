from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dbtool.backup.repository import Repository
from dbtool.errors import Refused, StorageFailed, Unreachable, UsageError
from dbtool.store.sftp import SftpFolder, SftpStore
from tests.backup.conftest import make_database, update
from tests.store.conftest import LIVELY, QUICK
from tests.store.cuttable import Relay, relay

DATA = bytes(range(256)) * 8000


@pytest.fixture
def line(sftp_url: str, sshd: tuple[int, Path]) -> Iterator[Relay]:
    """A line to the server that can be cut, whose host is known."""
    port, home = sshd
    known = home / ".ssh" / "known_hosts"
    with relay(port) as running:
        key = known.read_text().split(" ", 1)[1].splitlines()[0]
        with known.open("a") as stream:
            stream.write(f"[127.0.0.1]:{running.port} {key}\n")
        yield running


@pytest.fixture
def cut_url(sftp_url: str, line: Relay) -> str:
    parts = urlsplit(sftp_url)
    return f"sftp://{parts.username}@127.0.0.1:{line.port}{parts.path}"


@pytest.fixture
def folder(cut_url: str) -> Iterator[SftpFolder]:
    made = SftpFolder(cut_url, QUICK)
    made.make_root()
    yield made
    made.close()


@pytest.fixture
def root(sftp_url: str) -> Path:
    return Path(urlsplit(sftp_url).path)


@pytest.mark.parametrize(
    "location",
    [
        "sftp://",
        "sftp://host",
        "sftp://host/",
        "sftp://user:secret@host/path",
        "sftp://host:port/path",
        "sftp://host/path?x=1",
        "sftp:///path",
    ],
)
def test_a_url_without_host_or_path_or_with_a_password_is_refused(location: str) -> None:
    with pytest.raises(UsageError) as raised:
        SftpStore(location)
    assert raised.value.code == "store-location-invalid"


def test_only_the_owner_may_enter_or_read_and_nothing_temporary_stays(
    sftp_store: SftpStore, root: Path
) -> None:
    sftp_store.put("packs/ab/one", DATA)
    sftp_store.replace("heads/x", b"1")
    with pytest.raises(Refused):
        sftp_store.put("packs/ab/one", b"other")
    for path in (root, *root.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert list((root / "tmp").iterdir()) == []


def test_a_path_in_the_home_folder_is_relative_to_it(sftp_url: str) -> None:
    parts = urlsplit(sftp_url)
    store = SftpStore(f"sftp://{parts.netloc}/~/../../{parts.path}", patience=QUICK)
    store.create_root()
    store.put("config", b"x")
    assert Path(parts.path, "config").read_bytes() == b"x"
    store.close()


def test_a_folder_for_temporary_files_that_a_copy_dropped_is_made_again(
    sftp_store: SftpStore, root: Path
) -> None:
    (root / "tmp").rmdir()
    sftp_store.put("a", b"x")
    assert sftp_store.get("a") == b"x"


def test_what_a_writer_that_died_left_is_swept_when_it_is_old(
    sftp_store: SftpStore, root: Path
) -> None:
    for name, age_s in (("old", 5000), ("new", 10)):
        path = root / "tmp" / name
        path.write_bytes(b"12345")
        now = path.stat().st_mtime
        os.utime(path, (now - age_s, now - age_s))
    assert sftp_store.sweep(older_than_s=1000) == 5
    assert [path.name for path in (root / "tmp").iterdir()] == ["new"]


def test_a_file_in_the_way_of_a_folder_is_an_error_with_a_name(
    sftp_store: SftpStore, root: Path
) -> None:
    (root / "packs").write_bytes(b"")
    with pytest.raises(StorageFailed) as raised:
        sftp_store.put("packs/a", b"x")
    assert raised.value.code == "io-error"


def test_requests_connect_again_after_the_line_was_cut(folder: SftpFolder, line: Relay) -> None:
    folder.create("packs/a", DATA)
    for ask in (
        lambda: folder.read("packs/a") == DATA,
        lambda: folder.read_range("packs/a", 5, 9) == DATA[5:14],
        lambda: folder.size("packs/a") == len(DATA),
        lambda: list(folder.listed("packs")) == [("packs/a", len(DATA))],
        lambda: folder.overwrite("b", b"x") is None,
        lambda: folder.remove("b") is None,
        lambda: folder.create("c", DATA) is None,
    ):
        line.cut()
        assert ask()
    assert line.connections == 8


def test_a_file_whose_line_is_cut_while_it_is_sent_is_sent_again(
    cut_url: str, line: Relay, root: Path
) -> None:
    line.cut_after = [500_000, 1_500_000]
    folder = SftpFolder(cut_url, QUICK)
    root.joinpath("tmp").mkdir(parents=True)
    folder.create("packs/a", DATA)
    assert line.connections == 3
    assert folder.read("packs/a") == DATA
    assert [key for key, _ in folder.listed("")] == ["packs/a"]
    folder.close()


def test_a_line_that_stays_dead_is_unreachable(folder: SftpFolder, line: Relay) -> None:
    line.close()
    with pytest.raises(Unreachable):
        folder.read("packs/a")


def test_several_threads_share_a_session(folder: SftpFolder, line: Relay) -> None:
    def work(number: int) -> None:
        folder.create(f"packs/{number}", DATA[:1000])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(folder.listed("packs"))) == 8
    assert line.connections == 1


def test_a_backup_survives_cuts_and_restores(cut_url: str, line: Relay, tmp_path: Path) -> None:
    store = SftpStore(cut_url, patience=QUICK, rhythm=LIVELY)
    store.create_root()
    repository = Repository.create(store)
    database = make_database(tmp_path / "app.db")
    repository.backup(database)
    first = database.read_bytes()
    for seed in range(2):
        update(database, seed=seed + 1)
        line.cut_after = [20_000, 60_000]
        line.cut()
        repository.backup(database)
    taken = repository.snapshots()
    assert len(taken) == 3
    assert repository.verify(read_data=1.0).findings == ()
    repository.restore(taken[0], tmp_path / "first.db")
    assert (tmp_path / "first.db").read_bytes() == first
    store.close()


def test_a_closed_store_has_no_thread(sftp_url: str) -> None:
    before = set(threading.enumerate())
    store = SftpStore(sftp_url, patience=QUICK)
    store.create_root()
    threads = set(threading.enumerate()) - before
    assert "dbtool-sftp" in {thread.name for thread in threads}
    store.close()
    assert not any(thread.is_alive() for thread in threads)
