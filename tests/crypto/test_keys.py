from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dbtool.crypto.aead import MasterKey
from dbtool.crypto.kdf import FLOOR, Argon2Cost
from dbtool.crypto.keys import (
    MAX_SLOTS,
    KeyRing,
    KeySlot,
    Secret,
    generate_key_file_text,
    generate_recovery_key,
)
from dbtool.crypto.slotformat import MAX_SLOT_BYTES, SlotRecord
from dbtool.errors import Damaged, DbtoolError, NotFound, Refused, UsageError, WrongKey
from dbtool.store.memory import MemoryStore

DIGEST = bytes(range(32))
MASTER = MasterKey(b"M" * 32, encrypted=True)
PASSWORD = Secret.parse("swordfish")


class TickingClock:
    """Each look at it is a minute later."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ring(store: MemoryStore) -> KeyRing:
    return KeyRing(store, config_digest=DIGEST, clock=TickingClock())


def add(ring: KeyRing, secret: Secret = PASSWORD, label: str = "") -> KeySlot:
    return ring.add(MASTER, secret, label=label, kdf=FLOOR)


def forge(store: MemoryStore, slot: KeySlot, **changes: object) -> None:
    """Alter the clear part of a slot and make its checksum fit again, as an attacker would."""
    key = f"keys/{slot.id}.json"
    record = SlotRecord.decode(store.get(key), slot.id)
    parts = {name: changes.pop(name) for name in ("salt", "cost", "sealed") if name in changes}
    forged = replace(record, slot=replace(record.slot, **changes), **parts)  # type: ignore[arg-type]
    store.replace(key, forged.encode())


def code_of(work: object) -> str:
    with pytest.raises(DbtoolError) as raised:
        work()  # type: ignore[operator]
    return raised.value.code


def secrets_of_every_kind() -> list[Secret]:
    return [PASSWORD, Secret.parse(generate_key_file_text()), generate_recovery_key()[1]]


def test_every_kind_of_secret_opens_its_own_slot(ring: KeyRing) -> None:
    secrets = secrets_of_every_kind()
    slots = [add(ring, secret, label=secret.kind) for secret in secrets]
    for secret, slot in zip(secrets, slots, strict=True):
        assert ring.unlock(secret) == (MASTER, slot)
    assert ring.slots() == slots
    assert [slot.kind for slot in ring.slots()] == ["password", "key-file", "recovery"]


def test_the_default_cost_is_stored_and_opens(ring: KeyRing, store: MemoryStore) -> None:
    slot = ring.add(MASTER, PASSWORD)
    stored = json.loads(store.get(f"keys/{slot.id}.json"))["kdf"]
    assert (stored["memory_kib"], stored["iterations"], stored["lanes"]) == (65536, 3, 4)
    assert ring.unlock(PASSWORD) == (MASTER, slot)


def test_several_passwords_open_and_each_tells_its_slot(ring: KeyRing) -> None:
    secrets = [Secret.parse(f"password {number}") for number in range(4)]
    slots = [add(ring, secret) for secret in secrets]
    assert [ring.unlock(secret)[1] for secret in secrets] == slots


def test_no_secret_and_no_master_key_lies_in_the_store(ring: KeyRing, store: MemoryStore) -> None:
    for secret in secrets_of_every_kind():
        add(ring, secret)
        for data in store.objects.values():
            for hidden in (secret.value, MASTER.secret, DIGEST):
                assert hidden not in data
                assert hidden.hex().encode() not in data


def test_one_password_twice_makes_two_slots_that_share_nothing(
    ring: KeyRing, store: MemoryStore
) -> None:
    one, two = (json.loads(store.get(f"keys/{add(ring).id}.json")) for _ in range(2))
    assert one["kdf"]["salt"] != two["kdf"]["salt"]
    assert one["sealed"] != two["sealed"]
    assert one["id"] != two["id"]


@pytest.mark.parametrize(
    ("index", "code"), [(0, "wrong-password"), (1, "wrong-key-file"), (2, "wrong-recovery-key")]
)
def test_a_wrong_secret_of_each_kind_has_its_own_code(ring: KeyRing, index: int, code: str) -> None:
    right = secrets_of_every_kind()
    wrong = [Secret.parse("Swordfish"), *secrets_of_every_kind()[1:]]
    for secret in right:
        add(ring, secret)
    with pytest.raises(WrongKey) as raised:
        ring.unlock(wrong[index])
    assert raised.value.code == code
    assert "swordfish" not in f"{raised.value.message}{raised.value.context}".lower()


def test_a_secret_opens_no_slot_of_another_kind(ring: KeyRing) -> None:
    add(ring, Secret("key-file", b"x" * 32))
    with pytest.raises(WrongKey) as raised:
        ring.unlock(Secret("recovery", b"x" * 32))
    assert "key file" in raised.value.context


def test_a_repository_without_slots_says_so(ring: KeyRing) -> None:
    assert ring.slots() == []
    assert code_of(lambda: ring.unlock(PASSWORD)) == "no-key-slots"


def test_a_right_secret_with_an_altered_config_is_refused(
    ring: KeyRing, store: MemoryStore
) -> None:
    add(ring)
    other = KeyRing(store, config_digest=DIGEST[::-1], clock=TickingClock())
    with pytest.raises(Damaged) as raised:
        other.unlock(PASSWORD)
    assert raised.value.code == "config-altered"
    assert code_of(lambda: other.unlock(Secret.parse("wrong"))) == "wrong-password"


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "admin"},
        {"created": datetime(2020, 1, 1, tzinfo=UTC)},
        {"salt": b"s" * 16},
        {"cost": Argon2Cost(8192, 2, 1)},
        {"sealed": bytes(92)},
    ],
)
def test_a_slot_altered_with_a_fitting_checksum_does_not_open(
    ring: KeyRing, store: MemoryStore, changes: dict[str, object]
) -> None:
    slot = add(ring, label="mine")
    forge(store, slot)
    assert ring.unlock(PASSWORD)[0] == MASTER
    forge(store, slot, **changes)
    assert code_of(lambda: ring.unlock(PASSWORD)) == "wrong-password"


def test_a_slot_of_another_repository_opens_only_as_an_altered_config(
    ring: KeyRing, store: MemoryStore
) -> None:
    elsewhere = KeyRing(store, config_digest=bytes(32), clock=TickingClock())
    elsewhere.add(MasterKey.random(), PASSWORD, kdf=FLOOR)
    assert code_of(lambda: ring.unlock(PASSWORD)) == "config-altered"


def test_a_damaged_slot_is_a_matter_only_when_nothing_else_opens(
    ring: KeyRing, store: MemoryStore
) -> None:
    slot = add(ring)
    other = Secret.parse("other")
    add(ring, other)
    store.objects[f"keys/{slot.id}.json"] = b"rot"
    assert ring.damaged() == [slot.id]
    assert len(ring.slots()) == 1
    assert ring.unlock(other)[0] == MASTER
    with pytest.raises(Damaged) as raised:
        ring.unlock(PASSWORD)
    assert raised.value.code == "key-slot-damaged"
    assert slot.id in raised.value.message


def test_a_hostile_cost_is_never_computed(
    ring: KeyRing, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = add(ring)
    key = f"keys/{slot.id}.json"
    for memory_kib, iterations in ((100 * 1024 * 1024, 1), (8192, 10**9), (8192, 0)):
        body = json.loads(store.get(key))
        body["kdf"] |= {"memory_kib": memory_kib, "iterations": iterations}
        store.replace(key, json.dumps(body).encode())

        def compute(*_: object) -> bytes:
            pytest.fail("stretched at a hostile cost")

        with monkeypatch.context() as patch:
            patch.setattr("dbtool.crypto.slotformat.stretch", compute)
            assert code_of(lambda: ring.unlock(PASSWORD)) == "key-slot-damaged"


def test_a_huge_slot_is_not_read(
    ring: KeyRing, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = add(ring)
    key = f"keys/{slot.id}.json"
    store.objects[key] += b" " * MAX_SLOT_BYTES
    monkeypatch.setattr(store, "get", lambda key: pytest.fail(f"read {key}"))
    assert ring.damaged() == [slot.id]


def test_the_number_of_slots_is_bounded(ring: KeyRing, store: MemoryStore) -> None:
    slots = [add(ring, Secret("key-file", bytes([number]) * 32)) for number in range(MAX_SLOTS)]
    assert len(ring.slots()) == MAX_SLOTS
    assert code_of(lambda: add(ring, Secret("key-file", b"z" * 32))) == "too-many-key-slots"
    assert code_of(lambda: add(ring)) == "too-many-key-slots"
    ring.remove(slots[0].id)
    add(ring)
    assert len(ring.slots()) == MAX_SLOTS


def test_a_removed_slot_opens_no_more_and_the_others_do(ring: KeyRing) -> None:
    first = add(ring)
    other = Secret.parse("other")
    add(ring, other)
    ring.remove(first.id[:4] if len({s.id[:4] for s in ring.slots()}) > 1 else first.id)
    assert code_of(lambda: ring.unlock(PASSWORD)) == "wrong-password"
    assert ring.unlock(other)[0] == MASTER


def test_the_last_slot_cannot_be_removed(ring: KeyRing) -> None:
    slot = add(ring)
    with pytest.raises(Refused) as raised:
        ring.remove(slot.id)
    assert raised.value.code == "last-key-slot"
    assert ring.unlock(PASSWORD)[1] == slot


def test_a_damaged_slot_does_not_count_as_a_way_in_and_can_be_removed(
    ring: KeyRing, store: MemoryStore
) -> None:
    good = add(ring)
    bad = add(ring)
    store.objects[f"keys/{bad.id}.json"] = b"rot"
    assert code_of(lambda: ring.remove(good.id)) == "last-key-slot"
    ring.remove(bad.id)
    assert ring.damaged() == []
    assert ring.slots() == [good]


@pytest.mark.parametrize("prefix", ["", "zz", "../", "ABCDEF"])
def test_a_prefix_that_fits_no_slot_is_not_found(ring: KeyRing, prefix: str) -> None:
    add(ring)
    add(ring)
    with pytest.raises(NotFound) as raised:
        ring.remove(prefix)
    assert raised.value.code == "key-slot-not-found"


def test_a_prefix_that_fits_several_slots_is_refused_with_their_ids(
    ring: KeyRing, store: MemoryStore
) -> None:
    add(ring)
    for slot_id in ("abc00000", "abc11111"):
        store.put(f"keys/{slot_id}.json", b"rot")
    with pytest.raises(UsageError) as raised:
        ring.remove("abc")
    assert raised.value.code == "key-slot-ambiguous"
    assert "abc00000" in raised.value.message
    assert "abc11111" in raised.value.message
    assert len(store.objects) == 3


def test_an_unencrypted_repository_takes_no_keys(ring: KeyRing, store: MemoryStore) -> None:
    public = MasterKey.from_repository_id(b"id")
    assert code_of(lambda: ring.add(public, PASSWORD, kdf=FLOOR)) == "not-encrypted"
    assert store.objects == {}


def test_labels_may_be_any_text_up_to_a_hundred_characters(ring: KeyRing) -> None:
    label = 'Zoë\'s "laptop" \u202e\n'.ljust(100, "x")
    assert add(ring, label=label).label == label
    assert ring.slots()[0].label == label
    assert code_of(lambda: add(ring, label="x" * 101)) == "label-too-long"


def test_the_longest_slot_stays_below_the_bound_on_reading(
    ring: KeyRing, store: MemoryStore
) -> None:
    slot = add(ring, label="\U0001f511" * 100)
    assert store.size(f"keys/{slot.id}.json") <= MAX_SLOT_BYTES
    assert ring.unlock(PASSWORD)[1] == slot


def test_foreign_objects_in_the_folder_are_ignored(ring: KeyRing, store: MemoryStore) -> None:
    add(ring)
    store.put("keys/readme", b"x")
    assert ring.damaged() == []
    assert len(ring.slots()) == 1


def test_a_config_digest_of_another_size_is_refused(store: MemoryStore) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing(store, config_digest=b"short", clock=TickingClock())
