from __future__ import annotations

from dbtool.store.memory import MemoryStore


def test_what_a_caller_does_to_its_buffer_later_does_not_change_the_object() -> None:
    store = MemoryStore()
    buffer = bytearray(b"first")
    writer = store.create("a")
    writer.write(buffer)  # type: ignore[arg-type]
    store.replace("b", buffer)  # type: ignore[arg-type]
    buffer[:] = b"other"
    writer.commit()
    assert store.objects == {"a": b"first", "b": b"first"}


def test_tests_may_damage_an_object() -> None:
    store = MemoryStore()
    store.put("a", b"sound")
    store.objects["a"] = b"rotten"
    assert store.get("a") == b"rotten"
