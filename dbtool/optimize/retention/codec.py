"""Large values compressed one by one with a dictionary that was trained on their like.

A value of a compressed column in an archive:

    NULL, number, text    as it was
    BLOB                  1 byte   kind: 1 text, 2 blob
                          4 bytes  number of the dictionary, big-endian; 0: none
                          rest     one zstd frame

So a blob of the original is always in such a frame, and text where that makes it smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import zstandard

from dbtool.core.pragmas import MAX_VALUE_BYTES
from dbtool.errors import Damaged

__all__ = ["Codec", "train"]

Value = int | float | str | bytes | None

_TEXT: Final = 1
_BLOB: Final = 2
_HEAD: Final = 5
_LEVEL: Final = 6
_DICTIONARY_BYTES: Final = 16_384
_FEWEST: Final = 50
_LEAST_BYTES: Final = 64


class Codec:
    """Packs and unpacks values; one for each archive file.

    Args:
        dictionaries: content by number.
    """

    def __init__(self, dictionaries: Mapping[int, bytes]) -> None:
        self._dictionaries = {
            number: zstandard.ZstdCompressionDict(data) for number, data in dictionaries.items()
        }
        self._compressors: dict[int, zstandard.ZstdCompressor] = {}
        self._decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def pack(self, value: Value, number: int) -> Value:
        """Compress a value with a dictionary (0: none); numbers and NULL stay as they are."""
        if not isinstance(value, (str, bytes)):
            return value
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        if isinstance(value, str) and len(data) < _LEAST_BYTES:
            return value
        frame = self._compressor(number).compress(data)
        if isinstance(value, str) and len(frame) + _HEAD >= len(data):
            return value
        kind = _TEXT if isinstance(value, str) else _BLOB
        return bytes([kind]) + number.to_bytes(4, "big") + frame

    def unpack(self, value: Value) -> Value:
        """Return what was packed.

        Raises:
            Damaged: `archive-damaged`.
        """
        if not isinstance(value, bytes):
            return value
        try:
            kind, number = value[0], int.from_bytes(value[1:_HEAD], "big")
            data = self._decompressor(number).decompress(value[_HEAD:], MAX_VALUE_BYTES)
            return data if kind == _BLOB else data.decode("utf-8", "surrogatepass")
        except (zstandard.ZstdError, IndexError, KeyError, UnicodeDecodeError) as error:
            raise Damaged(
                "archive-damaged", "a compressed value of an archive is damaged", context=str(error)
            ) from error

    def _compressor(self, number: int) -> zstandard.ZstdCompressor:
        if number not in self._compressors:
            dictionary = self._dictionaries[number] if number else None
            self._compressors[number] = zstandard.ZstdCompressor(
                level=_LEVEL, dict_data=dictionary, write_dict_id=False
            )
        return self._compressors[number]

    def _decompressor(self, number: int) -> zstandard.ZstdDecompressor:
        if number not in self._decompressors:
            dictionary = self._dictionaries[number] if number else None
            self._decompressors[number] = zstandard.ZstdDecompressor(dict_data=dictionary)
        return self._decompressors[number]


def train(values: Sequence[Value]) -> bytes | None:
    """Return a dictionary for values like these; None where they are too few or too short."""
    samples: list[bytes | bytearray | memoryview] = [
        value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        for value in values
        if isinstance(value, (str, bytes)) and len(value) >= _LEAST_BYTES // 2
    ]
    if len(samples) < _FEWEST:
        return None
    size = min(_DICTIONARY_BYTES, sum(map(len, samples)) // 8)
    try:
        return zstandard.train_dictionary(size, samples).as_bytes()
    except zstandard.ZstdError:
        return None
