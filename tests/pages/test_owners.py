"""Every page has the owner that SQLite's dbstat names, and damage gives findings, never a hang."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.pages.owners import Owner, PageOwners, Role, owners, owners_of
from dbtool.pages.reader import PageReader
from dbtool.pages.schematable import read_schema
from tests.pages.databases import closing
from tests.pages.pagesources import Pages, make_everything, mutate

SHAPES = [
    (512, "UTF-8", "full", 0),
    (512, "UTF-16le", "none", 32),
    (1024, "UTF-16be", "incremental", 0),
    (4096, "UTF-8", "none", 0),
    (65536, "UTF-8", "full", 8),
]
PAGE_TYPES = {"internal": Role.INTERIOR, "leaf": Role.LEAF, "overflow": Role.OVERFLOW}


def by_dbstat(path: Path) -> dict[int, tuple[str, Role]]:
    found = {}
    with closing(path) as connection:
        for name, where, number, kind in connection.execute(
            "SELECT name, path, pageno, pagetype FROM dbstat"
        ):
            found[number] = (name, Role.ROOT if where == "/" else PAGE_TYPES[kind])
    return found


def by_us(result: PageOwners) -> dict[int, tuple[str, Role]]:
    own = {Role.ROOT, Role.INTERIOR, Role.LEAF, Role.OVERFLOW}
    return {page: (o.name, o.role) for page, o in result.items() if o.role in own}


@pytest.mark.parametrize(("page_size", "encoding", "auto_vacuum", "reserved"), SHAPES)
def test_the_owners_are_those_that_dbstat_names(
    folder: Path, page_size: int, encoding: str, auto_vacuum: str, reserved: int
) -> None:
    path = folder / "app.db"
    make_everything(
        path, page_size=page_size, encoding=encoding, auto_vacuum=auto_vacuum, reserved=reserved
    )
    source = Pages(path.read_bytes())
    result = owners(source)
    assert result.findings == []
    assert by_us(result) == by_dbstat(path)
    roles = [owner.role for _, owner in result.items()]
    assert Role.UNKNOWN not in roles
    with closing(path) as connection:
        free = connection.pragma("freelist_count")
    assert roles.count(Role.FREELIST_LEAF) + roles.count(Role.FREELIST_TRUNK) == free
    assert (Role.POINTER_MAP in roles) == (auto_vacuum != "none")
    for some in (range(1, source.page_count + 1), [source.page_count], []):
        part = owners_of(source, some)
        assert part.findings == []
        assert dict(part.items()) == {page: result[page] for page in some}


def test_the_owners_of_a_live_database_are_found_beside_its_wal(folder: Path) -> None:
    path = folder / "app.db"
    make_everything(path)
    with closing(path) as writer:
        writer.pragma("journal_mode", "wal")
        writer.execute("INSERT INTO mixed(a, c) VALUES ('new', randomblob(2000000))")
        with PageReader.open(path) as reader:
            result = owners(reader)
            reader.confirm()
            assert reader.page_count * reader.page_size > path.stat().st_size
        assert by_us(result) == by_dbstat(path)


def test_few_pages_are_read_for_few_owners(folder: Path) -> None:
    path = folder / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE TABLE a(x); CREATE TABLE b(x)")
        connection.execute(
            "WITH n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<3000)"
            " INSERT INTO a SELECT randomblob(400) FROM n"
        )
        connection.execute("INSERT INTO b SELECT * FROM a")
        connection.execute("INSERT INTO b VALUES (randomblob(50000))")
    source = Pages(path.read_bytes())
    whole = owners(source)
    leaf = next(n for n, o in whole.items() if o.name == "a" and o.role is Role.LEAF)
    overflow = [n for n, o in whole.items() if o.role is Role.OVERFLOW][-1]
    source.reads.clear()
    assert owners_of(source, [leaf])[leaf] == Owner("a", "table", "a", Role.LEAF)
    assert len(source.reads) < 20
    last_leaf = max(n for n, o in whole.items() if o.name == "b" and o.role is Role.LEAF)
    source.reads.clear()
    assert owners_of(source, [last_leaf, overflow])[overflow].name == "b"
    assert len(source.reads) < 40
    assert owners_of(source, [overflow])[overflow] == Owner("b", "table", "b", Role.OVERFLOW)


def test_a_page_that_was_not_asked_for_or_does_not_exist_has_no_answer(folder: Path) -> None:
    path = folder / "app.db"
    make_everything(path, rows=3)
    source = Pages(path.read_bytes())
    with pytest.raises(LookupError):
        owners_of(source, [1])[2]
    with pytest.raises(LookupError):
        owners(source)[source.page_count + 1]
    with pytest.raises(ValueError, match="not within"):
        owners_of(source, [source.page_count + 1])


def test_an_empty_database_has_no_pages() -> None:
    assert list(owners(Pages(b"")).items()) == []


def test_a_page_with_two_parents_and_a_loop_are_findings(folder: Path) -> None:
    path = folder / "app.db"
    make_everything(path)
    raw = bytearray(path.read_bytes())
    whole = owners(Pages(bytes(raw)))
    root = next(n for n, o in whole.items() if o.name == "mixed" and o.role is Role.ROOT)
    at = (root - 1) * 4096
    raw[at + 8 : at + 12] = root.to_bytes(4, "big")
    looped = owners(Pages(bytes(raw)))
    assert [(f.name, f"to page {root}, which" in f.message) for f in looped.findings] == [
        ("mixed", True)
    ]
    other = next(n for n, o in whole.items() if o.name == "gone" and o.role is Role.LEAF)
    raw[at + 8 : at + 12] = other.to_bytes(4, "big")
    shared = owners(Pages(bytes(raw)))
    assert {f.name for f in shared.findings} == {"gone"}
    raw[at + 8 : at + 12] = b"\x7f\xff\xff\xff"
    assert [f.name for f in owners(Pages(bytes(raw))).findings] == ["mixed"]


def test_a_schema_from_elsewhere_serves_where_page_1_is_lost(folder: Path) -> None:
    path = folder / "app.db"
    make_everything(path)
    raw = path.read_bytes()
    schema = read_schema(Pages(raw), pytest.fail)
    whole = by_us(owners(Pages(raw)))
    lost = owners(Pages(bytes(4096) + raw[4096:], 4096), schema=schema)
    assert lost.findings[0].message.startswith("page 1: ")
    schema_pages = {number for number, (name, _) in whole.items() if name == "sqlite_schema"}
    assert by_us(lost) == {n: o for n, o in whole.items() if n not in schema_pages}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("owners")
    found = []
    for page_size, auto_vacuum in ((512, "full"), (1024, "none"), (4096, "none")):
        path = folder / f"{page_size}.db"
        make_everything(path, page_size=page_size, auto_vacuum=auto_vacuum, rows=40)
        found.append(path.read_bytes())
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_damage_anywhere_ends_in_answers_and_findings(originals: list[bytes], seed: int) -> None:
    draw = random.Random(seed)
    original = draw.choice(originals)
    page_size = Pages(original).page_size
    source = Pages(mutate(original, draw), page_size)
    result = owners(source)
    assert len(list(result.items())) == source.page_count
    assert len(source.reads) <= 3 * source.page_count + 100
    some = draw.sample(range(1, source.page_count + 1), 10)
    for number in some:
        assert isinstance(owners_of(source, some)[number].role, Role)


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(min_size=512, max_size=5120))
def test_random_bytes_end_in_answers_and_findings(raw: bytes) -> None:
    result = owners(Pages(raw, 512))
    assert all(o.role in Role for _, o in result.items())
    assert result.findings
