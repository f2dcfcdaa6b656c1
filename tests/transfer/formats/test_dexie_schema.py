"""Schema strings of Dexie as keys and indexes."""

from __future__ import annotations

import apsw
import pytest

from dbtool.transfer.formats.dexie_schema import (
    KEY_COLUMN,
    MultiIndex,
    Store,
    StoreIndex,
    parse_store,
    path_sql,
    within,
)


def store(schema: str, name: str = "t", taken: tuple[str, ...] = ()) -> Store:
    """Return what a schema string says."""
    return parse_store(name, schema, 0, {name, *taken})


@pytest.mark.parametrize(
    ("schema", "key", "auto"),
    [
        ("++id", ("id",), True),
        ("id", ("id",), False),
        ("&id", ("id",), False),
        ("", (KEY_COLUMN,), False),
        ("++", (KEY_COLUMN,), True),
        (",name", (KEY_COLUMN,), False),
        ("[a+b]", ("a", "b"), False),
        ("meta.id", ("meta.id",), False),
        (" ++ id , name", ("id",), True),
    ],
)
def test_the_first_part_is_the_key(schema: str, key: tuple[str, ...], auto: bool) -> None:
    made = store(schema)

    assert (made.key, made.auto) == (key, auto)


@pytest.mark.parametrize(
    ("part", "index"),
    [
        ("name", StoreIndex(("name",), unique=False, multi=False)),
        ("&email", StoreIndex(("email",), unique=True, multi=False)),
        ("*tags", StoreIndex(("tags",), unique=False, multi=True)),
        ("&*tags", StoreIndex(("tags",), unique=True, multi=True)),
        ("*&tags", StoreIndex(("tags",), unique=True, multi=True)),
        ("[a+b.c]", StoreIndex(("a", "b.c"), unique=False, multi=False)),
        ("&[a+b]", StoreIndex(("a", "b"), unique=True, multi=False)),
        ("name:Y.Doc", StoreIndex(("name",), unique=False, multi=False)),
    ],
)
def test_other_parts_are_indexes(part: str, index: StoreIndex) -> None:
    assert store(f"id,{part}").indexes == (index,)


def test_a_multi_entry_index_is_a_table_of_its_own() -> None:
    made = store("++id,*tags,&*a.b", "posts")

    assert made.multis == (
        MultiIndex("posts_tags", "tags", unique=False),
        MultiIndex("posts_a_b", "a.b", unique=True),
    )
    assert made.child_key == ("posts_id",)


def test_a_child_table_has_no_name_of_an_object_store() -> None:
    assert store("id,*tags", "a", ("a_tags", "a_tags_")).multis[0].table == "a_tags__"


def test_columns_that_keys_and_indexes_need_are_there() -> None:
    assert store("[a+b],c.d,*e,a").columns == ("a", "b", "c", "e")


@pytest.mark.parametrize("schema", ["[a+b", "id,[a", "[a+]", "[]", "id,[+]"])
def test_a_broken_string_is_an_error(schema: str) -> None:
    with pytest.raises(ValueError, match="has"):
        store(schema)


def test_indexes_work_in_sqlite() -> None:
    made = store('id,&mail,[a+b],address.zip,address.it\'s "odd"', 'odd "name"')
    connection = apsw.Connection(":memory:")
    connection.execute('CREATE TABLE "odd ""name"""(id, mail, a, b, address)')
    connection.execute(
        'INSERT INTO "odd ""name""" VALUES (1, NULL, 1, 2, ?), (2, NULL, 1, 2, ?), (3, 3, 3, 3, ?)',
        ('{"zip": "N1"}', "no JSON", b"\0"),
    )
    for sql in made.index_sql():
        connection.execute(sql)
    plan = connection.execute(
        'EXPLAIN QUERY PLAN SELECT id FROM "odd ""name""" WHERE '
        + path_sql("address.zip")
        + " = 'N1'"
    ).fetchall()

    assert "idx_odd" in str(plan[0][3])
    assert len(made.index_sql()) == 4


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a", {"b": 1}), ("a.b", 1), ("a.b.c", None), ("x", None), ("x.y", None)],
)
def test_a_path_goes_into_objects(path: str, expected: object) -> None:
    assert within({"a": {"b": 1}}, path) == expected
