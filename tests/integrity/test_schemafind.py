"""The schema is known by its rows, wherever they lie."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.integrity.schemafind import find_schema
from dbtool.pages.schematable import read_schema
from tests.integrity.damages import build
from tests.pages.databases import closing
from tests.pages.pagesources import Pages, mutate


def test_leaves_of_the_schema_are_found_without_page_1(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    build(path, 3, page_size=512)
    with closing(path) as connection:
        columns = ", ".join(f"c{n}" for n in range(300))
        connection.execute(f"CREATE TABLE wide({columns})")
        connection.execute("CREATE TABLE like_schema(type, name, tbl_name, rootpage, sql)")
        connection.execute("INSERT INTO like_schema VALUES ('table', 'x', 'x', 5, 'DROP TABLE y')")
    raw = path.read_bytes()
    whole = read_schema(Pages(raw), pytest.fail)
    found = find_schema(Pages(bytes(512) + raw[512:], 512), usable=512, encoding="UTF-8")
    assert sorted(found, key=repr) == sorted(whole, key=repr)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("schemafind") / "app.db"
    build(path, 2, page_size=512)
    return path.read_bytes()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damage_gives_fewer_rows_and_no_error(raw: bytes, seed: int) -> None:
    damaged = mutate(raw, random.Random(seed))
    for row in find_schema(Pages(damaged, 512), usable=512, encoding="UTF-8"):
        assert row.kind in {"table", "index", "view", "trigger"}
