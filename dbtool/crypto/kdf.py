"""From a secret to a key: Argon2id for what people remember, HKDF for what a machine drew.

Cost parameters are stored beside what they protect, so a reader takes them from a file that
somebody else may have written: `Argon2Cost` cannot exist outside the bounds below, so that no file
makes us take all memory, work for hours, or accept a key that was hardly stretched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["DEFAULT", "FLOOR", "SALT_BYTES", "Argon2Cost", "hkdf", "stretch"]

SALT_BYTES: Final = 16
KEY_BYTES: Final = 32

_MEMORY_KIB: Final = range(8 * 1024, 1024 * 1024 + 1)
_ITERATIONS: Final = range(1, 33)
_LANES: Final = range(1, 17)


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """How dear one guess of a password is; a ValueError when out of bounds."""

    memory_kib: int
    """8 MiB to 1 GiB, in KiB."""
    iterations: int
    """1 to 32 passes over the memory."""
    lanes: int
    """1 to 16 threads."""

    def __post_init__(self) -> None:
        """Refuse values out of bounds, and booleans or floats that a JSON file may hold."""
        for name, value, bounds in (
            ("memory_kib", self.memory_kib, _MEMORY_KIB),
            ("iterations", self.iterations, _ITERATIONS),
            ("lanes", self.lanes, _LANES),
        ):
            if type(value) is not int or value not in bounds:
                message = (
                    f"Argon2 {name} must be {bounds.start} to {bounds.stop - 1}, not {value!r}"
                )
                raise ValueError(message)


DEFAULT: Final = Argon2Cost(memory_kib=64 * 1024, iterations=3, lanes=4)
"""The second recommended option of RFC 9106: about 0.1 s and 64 MiB for one guess."""

FLOOR: Final = Argon2Cost(_MEMORY_KIB.start, _ITERATIONS.start, _LANES.start)
"""The cheapest cost that is read; for tests."""


def stretch(password: bytes, salt: bytes, cost: Argon2Cost) -> bytes:
    """Return the 32-byte key of a password, by Argon2id version 1.3 (RFC 9106)."""
    return Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    ).derive(password)


def hkdf(secret: bytes, *, salt: bytes, info: bytes, length: int = KEY_BYTES) -> bytes:
    """Return `length` bytes for the use named by `info`, by HKDF-SHA256 (RFC 5869).

    `secret` must be random: this makes guessing no dearer.
    """
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
