"""The index file: where it lies, whose it is, what it remembers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.errors import Locked, Refused, StorageFailed
from dbtool.search import access
from dbtool.search.access import search_database
from dbtool.search.indexfile import discarding, drop_index, open_sidecar, sidecar_path
from dbtool.search.refresh import refresh
from tests.search.conftest import INDEXED, indexed


def test_it_lies_beside_the_database_or_in_the_cache(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "app.db"
    path.touch()
    assert sidecar_path(path, tmp_path / "cache") == tmp_path / "app.db.search.db"
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert sidecar_path(link, None) == tmp_path / "app.db.search.db"
    monkeypatch.setattr(os, "access", lambda *_: False)
    place = sidecar_path(path, tmp_path / "cache")
    assert place.parent == tmp_path / "cache"
    assert place.name.endswith("-app.db.search.db")
    other = tmp_path / "sub" / "app.db"
    assert sidecar_path(other, tmp_path / "cache") != place


def test_whoever_may_not_read_the_database_may_not_read_the_index(shop: Path) -> None:
    shop.chmod(0o640)
    with indexed(shop):
        pass
    assert (shop.parent / "shop.db.search.db").stat().st_mode & 0o777 == 0o640


def test_an_index_becomes_as_private_as_its_database(shop: Path) -> None:
    shop.chmod(0o644)
    place = shop.parent / "shop.db.search.db"
    search_database(shop, "x", access=INDEXED)
    assert place.stat().st_mode & 0o777 == 0o644
    shop.chmod(0o600)
    search_database(shop, "x", access=INDEXED)
    assert place.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_group_without_the_database_cannot_read_the_index(shop: Path) -> None:
    # Not below tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "app.db"
        path.write_bytes(shop.read_bytes())
        os.chown(path, 1001, 2001)
        path.chmod(0o664)
        with acting_as(1002, 3002), indexed(path):
            pass
        status = (Path(folder) / "app.db.search.db").stat()
        assert (status.st_gid, status.st_mode & 0o777) == (3002, 0o604)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_nothing_is_written_into_the_file_of_another_user(shop: Path, tmp_path: Path) -> None:
    with indexed(shop):
        pass
    place = shop.parent / "shop.db.search.db"
    os.chown(place, 1002, 1002)
    place.chmod(0o666)
    before = place.read_bytes()
    with pytest.raises(Refused):
        search_database(shop, "x", access=INDEXED)
    assert sidecar_path(shop, tmp_path / "cache").parent == tmp_path / "cache"
    assert place.read_bytes() == before
    os.chown(shop, 1002, 1002)  # whose database it is may as well see its index
    assert sidecar_path(shop, tmp_path / "cache") == place


@contextmanager
def acting_as(user: int, group: int) -> Iterator[None]:
    """Open files as somebody else."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_a_file_of_somebody_else_is_left_alone(shop: Path) -> None:
    place = shop.parent / "shop.db.search.db"
    for content in (b"hello, this is text\n" * 100, shop.read_bytes()):
        place.write_bytes(content)
        for act in (lambda: drop_index(place), lambda: indexed(shop).__enter__()):
            with pytest.raises(Refused) as caught:
                act()
            assert caught.value.code == "index-not-ours"
        assert place.read_bytes() == content


def test_a_link_or_pipe_under_the_name_is_not_followed(shop: Path, tmp_path: Path) -> None:
    place = shop.parent / "shop.db.search.db"
    victim = tmp_path / "victim"
    victim.touch()
    for make in (lambda: place.symlink_to(victim), lambda: os.mkfifo(place), place.mkdir):
        make()
        for act in (lambda: drop_index(place), lambda: indexed(shop).__enter__()):
            with pytest.raises(Refused):
                act()
        place.rmdir() if place.is_dir() else place.unlink()
    assert victim.read_bytes() == b""


def test_a_name_that_is_too_long_lies_in_the_cache(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120)
    place = sidecar_path(path, tmp_path / "cache")
    assert place.parent == tmp_path / "cache"
    assert len(os.fsencode(place.name)) < 200


def test_a_first_build_that_fails_leaves_nothing_and_a_later_one_everything(shop: Path) -> None:
    place = shop.parent / "shop.db.search.db"
    with (
        open_sidecar(place, shop, create=True, busy_timeout_s=1) as store,
        pytest.raises(KeyboardInterrupt),
        discarding(place, store, unfinished=True),
    ):
        raise KeyboardInterrupt
    assert not place.exists()
    with indexed(shop) as store:
        with pytest.raises(KeyboardInterrupt), discarding(place, store, unfinished=False):
            raise KeyboardInterrupt
        assert store.tables()
    with indexed(shop) as store:
        with pytest.raises(Locked), discarding(place, store, unfinished=True):
            raise Locked("database-locked", "by another")
        assert place.exists()


def test_the_encoding_is_that_of_the_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for encoding in ("UTF-16le", "UTF-8", "UTF-16be"):
        path.unlink(missing_ok=True)
        connection = apsw.Connection(str(path))
        connection.execute(f"PRAGMA encoding = '{encoding}'; CREATE TABLE t(x)")
        connection.execute("INSERT INTO t VALUES('Köln 東京')")
        connection.close()
        for text in ("koln", "京"):
            assert search_database(path, text, access=INDEXED).total == 1
        with indexed(path) as store:
            assert store.connection.pragma("encoding") == encoding


def test_an_index_that_is_written_is_not_removed(shop: Path) -> None:
    place = shop.parent / "shop.db.search.db"
    with indexed(shop) as writer:
        writer.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked) as caught:
            drop_index(place)
        assert caught.value.code == "index-busy"
        assert place.exists()


def test_whoever_waited_for_an_index_that_was_removed_makes_another(
    shop: Path, monkeypatch
) -> None:
    place = shop.parent / "shop.db.search.db"
    opened, removals = access.open_sidecar, iter([True])

    @contextmanager
    def removed_once(*given, **options):
        with opened(*given, **options) as store:
            if next(removals, False):
                drop_index(place)
            yield store

    monkeypatch.setattr(access, "open_sidecar", removed_once)
    assert search_database(shop, "stone", access=INDEXED).total == 4
    assert place.exists()
    with opened(place, shop, create=True, busy_timeout_s=1) as store:
        drop_index(place)
        with pytest.raises(Locked) as caught:
            refresh(shop, store, progress=Silent(), clock=SystemClock())
    assert caught.value.code == "index-removed"
    assert not place.exists()


def test_nothing_of_the_database_is_pinned_while_the_index_is_waited_for(shop: Path) -> None:
    with indexed(shop) as store, indexed(shop) as other:
        other.connection.execute("BEGIN IMMEDIATE")
        application = apsw.Connection(str(shop))
        application.execute("INSERT INTO person(name) VALUES('x')")
        store.connection.set_busy_handler(lambda _count: checkpointed.append(checkpoint()) or False)
        checkpointed: list[tuple[int, int]] = []

        def checkpoint() -> tuple[int, int]:
            return application.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

        with pytest.raises(apsw.BusyError):
            refresh(shop, store, progress=Silent(), clock=SystemClock())
        assert checkpointed == [(0, 0)]
        application.close()


def test_dropping_says_what_it_freed(shop: Path) -> None:
    with indexed(shop):
        pass
    place = shop.parent / "shop.db.search.db"
    size = place.stat().st_size
    assert drop_index(place) == size
    assert not place.exists()
    assert drop_index(place) == 0


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "x.search.db"
    with pytest.raises(StorageFailed), open_sidecar(place, shop, create=True, busy_timeout_s=1):
        pass
