from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.crypto.kdf import FLOOR
from dbtool.crypto.slotformat import KeySlot, SlotMalformed, SlotRecord, _canonical, _checksum

CREATED = datetime(2026, 11, 20, 14, 30, 0, 123456, tzinfo=UTC)
PASSWORD = SlotRecord(
    KeySlot("0a1b2c3d", "password", "Zoë's laptop", CREATED), bytes(16), FLOOR, bytes(92)
)
RANDOM = SlotRecord(KeySlot("ffffffff", "recovery", "", CREATED), b"s" * 16, None, bytes(92))


def altered(record: SlotRecord, **changes: Any) -> bytes:
    """Return the bytes of a slot forged with a fitting checksum."""
    body = json.loads(record.encode())
    del body["checksum"]
    for name, value in changes.items():
        if value is None:
            del body[name]
        else:
            body[name] = value
    return _canonical(body | {"checksum": _checksum(body)})


def kdf(**changes: Any) -> dict[str, Any]:
    return {key: v for key, v in (PASSWORD.header()["kdf"] | changes).items() if v != "gone"}


@pytest.mark.parametrize("record", [PASSWORD, RANDOM])
def test_a_slot_is_read_as_it_was_written(record: SlotRecord) -> None:
    assert SlotRecord.decode(record.encode(), record.slot.id) == record


def test_the_time_is_kept_whatever_its_zone() -> None:
    there = CREATED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    record = SlotRecord(KeySlot("00000000", "key-file", "", there), bytes(16), None, bytes(92))
    assert SlotRecord.decode(record.encode(), "00000000").slot.created == CREATED


@pytest.mark.parametrize("record", [PASSWORD, RANDOM])
def test_every_flipped_bit_and_every_truncation_is_noticed(record: SlotRecord) -> None:
    data = record.encode()
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SlotMalformed):
            SlotRecord.decode(bytes(flipped), record.slot.id)
    for length in range(len(data)):
        with pytest.raises(SlotMalformed):
            SlotRecord.decode(data[:length], record.slot.id)


def test_a_slot_under_the_name_of_another_is_noticed() -> None:
    with pytest.raises(SlotMalformed):
        SlotRecord.decode(PASSWORD.encode(), "ffffffff")


def test_the_forging_helper_of_these_tests_forges() -> None:
    assert SlotRecord.decode(altered(PASSWORD, label="new"), "0a1b2c3d").slot.label == "new"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "dbtool.key-slot/2"},
        {"id": "0A1B2C3D"},
        {"id": 5},
        {"kind": "pin"},
        {"kind": ["password"]},
        {"kind": "recovery"},
        {"label": 5},
        {"label": None},
        {"label": "x" * 101},
        {"created": "yesterday"},
        {"created": 5},
        {"created": "2026-11-20T14:30:00"},
        {"sealed": ""},
        {"sealed": "A"},
        {"sealed": 5},
        {"extra": "field"},
        {"kdf": None},
        {"kdf": []},
        {"kdf": "argon2id"},
        {"kdf": kdf(name="hkdf-sha256")},
        {"kdf": kdf(memory_kib=100 * 1024 * 1024)},
        {"kdf": kdf(memory_kib=1)},
        {"kdf": kdf(memory_kib="gone")},
        {"kdf": kdf(iterations=0)},
        {"kdf": kdf(iterations=10**30)},
        {"kdf": kdf(iterations=1.0)},
        {"kdf": kdf(iterations=True)},
        {"kdf": kdf(lanes=0)},
        {"kdf": kdf(lanes=10**6)},
        {"kdf": kdf(salt="")},
        {"kdf": kdf(extra=1)},
    ],
)
def test_a_forged_slot_out_of_bounds_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(SlotMalformed):
        SlotRecord.decode(altered(PASSWORD, **changes), "0a1b2c3d")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"5", b'"x"', b"\xff", b"[" * 4000, b'[["a",1]]', b"NaN"]
)
def test_what_is_no_slot_at_all_is_malformed(data: bytes) -> None:
    with pytest.raises(SlotMalformed):
        SlotRecord.decode(data, "0a1b2c3d")


@given(
    st.dictionaries(
        st.sampled_from([*json.loads(PASSWORD.encode())]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_no_json_makes_the_parser_fail_in_another_way(changes: dict[str, Any]) -> None:
    body = json.loads(PASSWORD.encode()) | changes
    try:
        SlotRecord.decode(_canonical(body), "0a1b2c3d")
    except SlotMalformed:
        return
    assert body == json.loads(PASSWORD.encode())
