"""The index file: where it lies, whose it is, what it remembers."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from dbtool.errors import Refused, StorageFailed
from dbtool.search.sidecar import (
    FORMAT,
    IndexStore,
    begin_afresh,
    drop_index,
    is_current_format,
    open_sidecar,
    sidecar_path,
)
from dbtool.search.subjects import subjects_of
from tests.search.conftest import indexed


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


def test_dropping_says_what_it_freed(shop: Path) -> None:
    with indexed(shop):
        pass
    place = shop.parent / "shop.db.search.db"
    size = place.stat().st_size
    assert drop_index(place) == size
    assert not place.exists()
    assert drop_index(place) == 0


def test_an_index_of_another_version_is_begun_afresh(shop: Path) -> None:
    with indexed(shop) as store:
        store.connection.pragma("user_version", FORMAT + 1)
        assert not is_current_format(store)
    with indexed(shop) as store:
        assert is_current_format(store)
        assert len(store.tables()) == 4


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "x.search.db"
    with pytest.raises(StorageFailed), open_sidecar(place, shop, create=True, busy_timeout_s=1):
        pass


def test_the_column_with_most_text_comes_first() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE t(a, b, c); INSERT INTO t VALUES('x', zeroblob(99), 'long text')"
    )
    (subject,) = subjects_of(connection).tables
    store = IndexStore(apsw.Connection(":memory:"), trigrams=True)
    begin_afresh(store)
    table = store.add(connection, subject)
    assert table.order == (2, 0, 1)
    assert table.position("c") == 0
    assert [each.subject for each in store.tables()] == [subject]
    assert store.get("trigrams") == 1
    store.remove(table)
    assert store.tables() == []
    assert store.left_out() == ()
