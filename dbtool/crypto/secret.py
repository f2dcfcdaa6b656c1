"""What opens a repository, as people keep it: a password, a key file, or a recovery key on paper.

    key file        # comment lines
                    dbtool-key-1:<base64 of 32 random bytes>
    recovery key    DBTOOL-RECOVERY-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX
                    nine groups in Crockford's base32 (https://www.crockford.com/base32.html): 160
                    random bits and the first 20 bits of their SHA-256, so that a typo is told from
                    a wrong key, and mostly located

Nothing here is stored or hashed; `dbtool.crypto.keys` makes keys of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from dbtool.errors import UsageError

__all__ = ["Secret", "SecretKind", "generate_key_file_text", "generate_recovery_key"]

SecretKind = Literal["password", "key-file", "recovery"]

_KEY_FILE_PREFIX: Final = "dbtool-key-1:"
_KEY_FILE_BYTES: Final = 32

_RECOVERY_PREFIX: Final = "DBTOOL-RECOVERY-"
_RECOVERY_BYTES: Final = 20
_RECOVERY_DATA_DIGITS: Final = 32
_RECOVERY_CHECK_DIGITS: Final = 4
_RECOVERY_DIGITS: Final = _RECOVERY_DATA_DIGITS + _RECOVERY_CHECK_DIGITS
_GROUP_DIGITS: Final = 4
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in hand; its value is shown by no representation."""

    kind: SecretKind
    value: bytes = field(repr=False)
    """UTF-8 of a password in Unicode form NFC; the random bytes of a key file or recovery key."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Recognise what `text` is: the content of a key file, a recovery key, or else a password.

        One newline at the end of a password is not part of it, since editors and `echo` leave one
        in files.

        Raises:
            UsageError: nothing in it, or a key file or recovery key that was copied wrongly.
        """
        lines = [line.strip() for line in text.splitlines()]
        telling = next((line for line in lines if line and not line.startswith("#")), "")
        if telling.startswith(_KEY_FILE_PREFIX):
            return cls("key-file", _decode_key_file(telling))
        if telling.upper().startswith(_RECOVERY_PREFIX):
            return cls("recovery", _decode_recovery("".join(lines[lines.index(telling) :])))
        password = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
        if not password:
            raise UsageError("password-empty", "the password is empty")
        # The same letters typed on another system may come as other code points.
        return cls(
            "password", unicodedata.normalize("NFC", password).encode("utf-8", "surrogateescape")
        )


def generate_key_file_text() -> str:
    """Draw a new key and return what to write into its file."""
    key = base64.b64encode(secrets.token_bytes(_KEY_FILE_BYTES)).decode()
    comment = "# dbtool key file: it opens a backup repository; keep a copy of it elsewhere"
    return f"{comment}\n{_KEY_FILE_PREFIX}{key}\n"


def generate_recovery_key() -> tuple[str, Secret]:
    """Draw a new recovery key; return it as printed, and as the secret that it stands for."""
    value = secrets.token_bytes(_RECOVERY_BYTES)
    digits = _to_digits(int.from_bytes(value), _RECOVERY_DATA_DIGITS)
    digits += _check_digits(digits)
    groups = [
        digits[start : start + _GROUP_DIGITS] for start in range(0, len(digits), _GROUP_DIGITS)
    ]
    return _RECOVERY_PREFIX + "-".join(groups), Secret("recovery", value)


def _decode_key_file(line: str) -> bytes:
    try:
        value = base64.b64decode(line.removeprefix(_KEY_FILE_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != _KEY_FILE_BYTES:
        raise UsageError(
            "key-file-malformed",
            "the key file is damaged: its key is not 32 bytes in base64",
            hint="take another copy of the file, or use another way in (password, recovery key)",
        )
    return value


def _decode_recovery(text: str) -> bytes:
    body = "".join(text.upper().removeprefix(_RECOVERY_PREFIX).replace("-", " ").split())
    digits = body.translate(_LOOKALIKES)
    strangers = sorted(set(digits) - set(_ALPHABET))
    if strangers:
        raise _mistyped(f"no recovery key has the character {strangers[0]!r}")
    if len(digits) != _RECOVERY_DIGITS:
        raise _mistyped(f"it has {len(digits)} characters in its groups, not {_RECOVERY_DIGITS}")
    if not _is_consistent(digits):
        suspects = _suspect_groups(digits)
        which = (
            f"group {suspects[0]} of 9 seems to be" if len(suspects) == 1 else "some characters are"
        )
        raise _mistyped(f"its check digits do not fit: {which} wrong")
    number = 0
    for digit in digits[:_RECOVERY_DATA_DIGITS]:
        number = number << 5 | _ALPHABET.index(digit)
    return number.to_bytes(_RECOVERY_BYTES)


def _mistyped(why: str) -> UsageError:
    return UsageError(
        "recovery-key-mistyped",
        "the recovery key was not typed as it was printed",
        context=why,
        hint="compare it with the printed one, group by group",
    )


def _is_consistent(digits: str) -> bool:
    data, check = digits[:_RECOVERY_DATA_DIGITS], digits[_RECOVERY_DATA_DIGITS:]
    return secrets.compare_digest(_check_digits(data), check)


def _suspect_groups(digits: str) -> list[int]:
    """Return the groups, from 1, in which one changed character would make the key consistent."""
    return sorted(
        {
            position // _GROUP_DIGITS + 1
            for position in range(len(digits))
            for other in _ALPHABET
            if _is_consistent(digits[:position] + other + digits[position + 1 :])
        }
    )


def _check_digits(data_digits: str) -> str:
    digest = hashlib.sha256(b"dbtool/1/recovery-check/" + data_digits.encode()).digest()
    return _to_digits(int.from_bytes(digest[:3]) >> 4, _RECOVERY_CHECK_DIGITS)


def _to_digits(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))
