"""Names of tables as names of files: harmless, recognisable, no two alike on any file system."""

from __future__ import annotations

import unicodedata
from typing import Final

from dbtool.transfer.manifest import MANIFEST_FILE, SCHEMA_FILE, comparable_name, is_safe_name

__all__ = ["FileNames"]

_LONGEST_BYTES: Final = 100
_PLAIN: Final = frozenset("_-")
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))]
)
"""Names that Windows takes for devices, whatever follows after a point."""


class FileNames:
    """Gives each table a file name of its own."""

    def __init__(self) -> None:
        self._taken = {comparable_name(MANIFEST_FILE), comparable_name(SCHEMA_FILE)}

    def name(self, table: str, suffix: str) -> str:
        """Return a file name that was not given yet.

        Args:
            table: any text.
            suffix: with its point, such as `.ndjson.gz`.
        """
        stem = _stem(table)
        number, name = 1, f"{stem}{suffix}"
        while comparable_name(name) in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(comparable_name(name))
        assert is_safe_name(name)
        return name


def _stem(table: str) -> str:
    text = unicodedata.normalize("NFC", table.encode("utf-8", "replace").decode())
    text = "".join(c if c.isalnum() or c in _PLAIN else "_" for c in text)
    text = text.encode()[:_LONGEST_BYTES].decode("utf-8", "ignore")
    if not text or text[0] == "-" or text.lower() in _DEVICES:
        text = f"_{text}"
    return text
