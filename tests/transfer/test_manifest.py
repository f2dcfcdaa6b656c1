"""The manifest of an exported database: written, read back, and judged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import Damaged, UsageError
from dbtool.transfer.manifest import (
    Manifest,
    ManifestColumn,
    SchemaFile,
    Sequence,
    Settings,
    TableFile,
    is_safe_name,
    parse,
    serialize,
)

DIGEST = "0" * 64
USERS = TableFile(
    name="users",
    file="users.ndjson.gz",
    format="ndjson",
    compression="gzip",
    fill="rows",
    rowid=None,
    columns=(ManifestColumn("id", "INTEGER"), ManifestColumn("e\nmail", "")),
    rows=3,
    size_bytes=77,
    sha256=DIGEST,
)
INDEX = replace(
    USERS, name="fts", file=None, format=None, compression=None, fill="rebuild", sha256=None
)
MANIFEST = Manifest(
    created=datetime(2026, 11, 26, 5, 40, tzinfo=UTC),
    source="app.db",
    snapshot=None,
    complete=True,
    settings=Settings("UTF-8", 4096, 0, -1, 7, "wal"),
    schema=SchemaFile("schema.sql", 190, DIGEST, 100),
    tables=(USERS, INDEX),
    sequences=(Sequence("users", 3),),
    analyzed=False,
)


def with_value(path: str, value: Any) -> bytes:
    """Return the manifest with one value changed; `path` has its members, with points between."""
    document = json.loads(serialize(MANIFEST))
    place = document
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        place = place[part]
    place[last] = value
    return json.dumps(document).encode()


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    assert parse(serialize(MANIFEST)) == MANIFEST


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
)
def test_any_name_and_number_is_read_back(name: str, version: int, counter: int) -> None:
    manifest = replace(
        MANIFEST,
        settings=replace(MANIFEST.settings, user_version=version),
        tables=(replace(USERS, name=name),),
        sequences=(Sequence(name, counter),),
    )
    assert parse(serialize(manifest)) == manifest


def test_members_that_are_not_known_are_passed_over() -> None:
    assert parse(with_value("later", {"a": 1})) == MANIFEST


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 1),
        ("created", "2026-11-26T05:40:00"),
        ("created", "yesterday"),
        ("complete", 1),
        ("analyzed", None),
        ("source", 7),
        ("snapshot", 7),
        ("settings.encoding", "latin1"),
        ("settings.page_size", 1000),
        ("settings.page_size", 4096.0),
        ("settings.page_size", 1 << 20),
        ("settings.auto_vacuum", 3),
        ("settings.user_version", 1 << 31),
        ("settings.application_id", True),
        ("settings.journal_mode", "off"),
        ("schema.file", "../schema.sql"),
        ("schema.rows_at", 191),
        ("schema.rows_at", -1),
        ("schema.sha256", DIGEST.upper().replace("0", "A")),
        ("tables", {}),
        ("tables.0", []),
        ("tables.0.name", None),
        ("tables.0.name", "\ud800"),
        ("tables.0.file", "/etc/passwd"),
        ("tables.0.file", ".."),
        ("tables.0.file", "a\0b"),
        ("tables.0.file", "SCHEMA.sql"),
        ("tables.0.file", "Manifest.JSON"),
        ("tables.0.file", None),
        ("tables.0.format", "xml"),
        ("tables.0.compression", "lzma"),
        ("tables.0.fill", "guess"),
        ("tables.0.rowid", "id"),
        ("tables.0.rows", -1),
        ("tables.0.size_bytes", 1 << 63),
        ("tables.0.sha256", "abc"),
        ("tables.0.sha256", None),
        ("tables.0.columns.0.type", None),
        ("tables.0.columns.0.name", "E\nMAIL"),
        ("tables.1.name", "USERS"),
        ("tables.1.file", "fts.ndjson"),
        ("sequences.0.value", 1 << 63),
        ("sequences.0.table", []),
    ],
)
def test_a_value_that_is_none_of_its_kind_is_damage(path: str, value: Any) -> None:
    with pytest.raises(Damaged) as caught:
        parse(with_value(path, value))
    assert caught.value.code == "manifest-damaged"
    assert caught.value.context


@pytest.mark.parametrize("member", json.loads(serialize(MANIFEST)))
def test_every_member_must_be_there(member: str) -> None:
    document = json.loads(serialize(MANIFEST))
    del document[member]
    with pytest.raises(Damaged):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"dbtool.export/1"'])
def test_what_is_no_manifest_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        parse(data)


def test_a_later_version_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        parse(with_value("format", "dbtool.export/2"))
    assert caught.value.code == "manifest-unknown"
    assert "dbtool.export/2" in caught.value.message


@given(st.text())
def test_a_safe_name_has_no_way_out_of_its_folder(name: str) -> None:
    if is_safe_name(name):
        assert name not in (".", "..")
        assert not set(name) & set("/\\\0\n")
