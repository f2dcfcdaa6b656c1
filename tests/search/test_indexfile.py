"""The index file: where it lies, whose it is, what it remembers."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from dbtool.errors import Locked, Refused, StorageFailed
from dbtool.search.access import search_database
from dbtool.search.indexfile import discarding, drop_index, open_sidecar, sidecar_path
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
