from __future__ import annotations

import pytest

from dbtool.crypto.kdf import DEFAULT, FLOOR, Argon2Cost, hkdf, stretch

SALT = bytes(16)


def test_the_default_is_what_the_documentation_says() -> None:
    assert (DEFAULT.memory_kib, DEFAULT.iterations, DEFAULT.lanes) == (65536, 3, 4)


def test_the_key_depends_on_password_salt_and_every_cost() -> None:
    keys = {
        stretch(b"password", SALT, FLOOR),
        stretch(b"Password", SALT, FLOOR),
        stretch(b"password", b"\1" * 16, FLOOR),
        stretch(b"password", SALT, Argon2Cost(8193, 1, 1)),
        stretch(b"password", SALT, Argon2Cost(8192, 2, 1)),
        stretch(b"password", SALT, Argon2Cost(8192, 1, 2)),
    }
    assert len(keys) == 6
    assert {len(key) for key in keys} == {32}
    assert stretch(b"password", SALT, FLOOR) in keys


@pytest.mark.parametrize(
    ("memory_kib", "iterations", "lanes"),
    [
        (0, 1, 1),
        (8191, 1, 1),
        (1024 * 1024 + 1, 1, 1),
        (100 * 1024 * 1024, 1, 1),
        (8192, 0, 1),
        (8192, -1, 1),
        (8192, 33, 1),
        (8192, 1, 0),
        (8192, 1, 17),
        (8192.0, 1, 1),
        (8192, True, 1),
        ("8192", 1, 1),
        (None, 1, 1),
    ],
)
def test_a_cost_out_of_bounds_cannot_exist(
    memory_kib: object, iterations: object, lanes: object
) -> None:
    with pytest.raises(ValueError, match="must be"):
        Argon2Cost(memory_kib, iterations, lanes)  # type: ignore[arg-type]


@pytest.mark.parametrize("cost", [(8192, 1, 1), (1024 * 1024, 32, 16)])
def test_the_bounds_themselves_are_allowed(cost: tuple[int, int, int]) -> None:
    assert Argon2Cost(*cost).memory_kib == cost[0]


def test_hkdf_gives_the_first_test_vector_of_rfc_5869() -> None:
    key = hkdf(
        bytes.fromhex("0b" * 22),
        salt=bytes.fromhex("000102030405060708090a0b0c"),
        info=bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"),
        length=42,
    )
    assert key.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
