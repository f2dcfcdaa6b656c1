"""Records under a proper seal with content that no writer makes."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.backup.contents import (
    SnapshotBody,
    body_from_json,
    body_to_json,
    snapshot_from_json,
    snapshot_to_json,
)
from dbtool.backup.format import BlobRef, snapshot_key
from dbtool.backup.model import Snapshot, SnapshotId
from dbtool.backup.pagemap import PieceRef
from dbtool.backup.record import RecordBox
from dbtool.backup.snapshot import Catalog
from dbtool.crypto.aead import MasterKey
from dbtool.errors import Damaged, UsageError
from dbtool.store.memory import MemoryStore

ID = SnapshotId("ab" * 16)
SNAPSHOT = Snapshot(
    id=ID,
    time=datetime(2026, 11, 21, 8, tzinfo=UTC),
    database="/srv/app.db",
    host="web",
    sequence=2,
    parent=SnapshotId("cd" * 16),
    page_size=4096,
    page_count=10_424,
    pages_changed=3,
    bytes_added=5000,
    duration_s=0.25,
    tags=("nightly",),
    note="before the update",
)
BODY = SnapshotBody(
    (
        (PieceRef(BlobRef(b"p" * 16, 7), 8_192), PieceRef(BlobRef(b"q" * 16, 0), 3)),
        (PieceRef(BlobRef(b"p" * 16, 8), 2232),),
    ),
    "wal",
    {"dbtool": "1", "sqlite": "3"},
)
SUMMARY_JSON, BODY_JSON = snapshot_to_json(SNAPSHOT), body_to_json(BODY)
BOX = RecordBox(MasterKey.random().sealer("records"), bytes(16))


def catalog(summary: object, body: object) -> Catalog:
    """Return a catalog of one snapshot, sealed as it should be, whatever it holds."""
    store = MemoryStore()
    parts = (BOX.seal(f"{ID}/summary", summary), BOX.seal(f"{ID}/body", body))
    data = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
    store.put(snapshot_key(ID), data)
    return Catalog(store, BOX, name_key=bytes(32))


def test_summary_and_body_survive() -> None:
    genuine = catalog(SUMMARY_JSON, BODY_JSON)
    assert genuine.summary(ID) == SNAPSHOT
    assert genuine.body(ID) == BODY
    empty = replace(SNAPSHOT, page_size=0, page_count=0, parent=None, sequence=1)
    assert snapshot_from_json(snapshot_to_json(empty), ID) == empty
    nothing = SnapshotBody((), "delete")
    assert body_from_json(body_to_json(nothing)) == nothing


@pytest.mark.parametrize(
    "change",
    [
        {"id": 5},
        {"id": "cd" * 16},
        {"id": "../../../x"},
        {"page_count": 10**18},
        {"page_count": 2**32 - 1},
        {"page_count": "x"},
        {"page_count": -1},
        {"page_count": 70000.0},
        {"page_count": 0},
        {"page_size": 0},
        {"page_size": -4096},
        {"page_size": 4095},
        {"page_size": 256},
        {"page_size": 131_072},
        {"page_size": 4096.0},
        {"page_size": [4096]},
        {"page_size": True},
        {"time": "2026-11-21T00:00:00"},
        {"time": "0001-01-01T00:00:00+14:00"},
        {"time": 5},
        {"database": 7},
        {"database": "a\0b"},
        {"host": None},
        {"note": 3},
        {"note": "\ud800"},
        {"tags": [1]},
        {"tags": "nightly"},
        {"sequence": True},
        {"sequence": 0},
        {"parent": "cd"},
        {"parent": 5},
        {"pages_changed": None},
        {"bytes_added": "y"},
        {"duration_s": "x"},
        {"duration_s": math.nan},
        {"duration_s": math.inf},
    ],
    ids=str,
)
def test_an_impossible_summary_is_damage_and_is_named(change: dict[str, object]) -> None:
    with pytest.raises(Damaged) as error:
        catalog({**SUMMARY_JSON, **change}, BODY_JSON).summary(ID)
    assert error.value.code == "record-damaged"
    assert ID in error.value.message


@pytest.mark.parametrize("name", SUMMARY_JSON)
def test_a_summary_lacks_nothing(name: str) -> None:
    rest = {known: value for known, value in SUMMARY_JSON.items() if known != name}
    with pytest.raises(Damaged):
        catalog(rest, BODY_JSON).summary(ID)


@pytest.mark.parametrize(
    "change",
    [
        {"segments": [[]]},
        {"segments": [[[0, -1, 212]]]},
        {"segments": [[[0, 128, 212]]]},
        {"segments": [[[0, 2**70, 212]]]},
        {"segments": [[["0", "x", 212]]]},
        {"segments": [[[-1, 0, 212]]]},
        {"segments": [[[2, 0, 212]]]},
        {"segments": [[[0, 0, 8_193]]]},
        {"segments": [[[0, 0, -1]]]},
        {"segments": [[[0, 0]]]},
        {"segments": [[[0, 0, 0, 0]]]},
        {"segments": [5]},
        {"segments": {"0": 1}},
        {"segments": [[[0, 0, 1]]] * 524_289},
        {"packs": ["00"]},
        {"packs": [5]},
        {"packs": ["00 " * 16]},
        {"packs": []},
        {"versions": 5},
        {"versions": {"dbtool": 1}},
        {"versions": [["a", "b"]]},
        {"journal_mode": None},
    ],
    ids=lambda change: str(change)[:40],
)
def test_an_impossible_body_is_damage_and_is_named(change: dict[str, object]) -> None:
    with pytest.raises(Damaged) as error:
        catalog(SUMMARY_JSON, {**BODY_JSON, **change}).body(ID)
    assert error.value.code == "record-damaged"
    assert ID in error.value.message


@pytest.mark.parametrize("change", [{"note": "\ud800"}, {"database": "a\0b"}, {"tags": (5,)}])
def test_what_could_not_be_read_back_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        snapshot_to_json(replace(SNAPSHOT, **change))


Path = tuple[str | int, ...]


def places(value: object, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(value: object, path: Path, other: object) -> object:
    if not path:
        return other
    whole = copy.deepcopy(value)
    inner: Any = whole
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = other
    return whole


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["ab" * 16, "2026-11-21T00:00:00", "9999-12-31T23:59:59-23:59", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def reads_or_is_damage(read: Callable[[], object]) -> None:
    started = time.monotonic()
    try:
        assert read()
    except Damaged as error:
        assert ID in error.message
    assert time.monotonic() - started < 1


def shown(snapshot: Snapshot) -> str:
    """Do with a summary what lists do."""
    return (
        f"{snapshot.time.astimezone():%c} {snapshot.time + timedelta(days=1)} "
        f"{snapshot.size_bytes} {snapshot.database.encode('utf-8', 'surrogateescape')!r}"
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(list(places(SUMMARY_JSON))), anything)
def test_any_change_of_a_summary_is_read_or_is_damage(path: Path, other: object) -> None:
    hostile = catalog(changed(SUMMARY_JSON, path, other), BODY_JSON)
    reads_or_is_damage(lambda: shown(hostile.summary(ID)))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(list(places(BODY_JSON))), anything)
def test_any_change_of_a_body_is_read_or_is_damage(path: Path, other: object) -> None:
    hostile = catalog(SUMMARY_JSON, changed(BODY_JSON, path, other))
    reads_or_is_damage(lambda: hostile.body(ID))
