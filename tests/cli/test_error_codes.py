"""The table of error codes; its agreement with the source is tested in tests/architecture."""

from __future__ import annotations

from dbtool.cli.error_codes import ERROR_CODES


def test_meanings_are_short_phrases() -> None:
    for code, entry in ERROR_CODES.items():
        assert len(entry.meaning) <= 70, code
        assert entry.meaning[0].islower() or entry.meaning.startswith("SQLite"), code


def test_codes_are_grouped_by_exit_code() -> None:
    exit_codes = [entry.exit_code for entry in ERROR_CODES.values()]
    assert exit_codes == sorted(exit_codes)
