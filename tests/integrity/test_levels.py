"""Which levels run, and in which order."""

from __future__ import annotations

import pytest

from tests.integrity.damaged import Damaged, zero


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ({}, ["header", "pages", "structure"]),
        ({"full": True}, ["header", "pages", "full"]),
        ({"drill": True}, ["header", "pages", "structure", "drill"]),
        ({"repository": False}, ["header", "structure"]),
    ],
)
def test_levels(damaged: Damaged, options: dict[str, bool], levels: list[str]) -> None:
    report = damaged.verify(**options)
    assert [str(level.level) for level in report.levels] == levels
    assert all(level.checked for level in report.levels)


def test_a_damaged_snapshot_is_told_and_the_rest_is_checked(damaged: Damaged) -> None:
    for path in (damaged.path.parent / "backups" / "packs").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"\0" * path.stat().st_size)
    damaged.damage(zero(damaged.page("w")))
    report = damaged.verify()
    assert any("cannot be compared" in note for note in report.notes)
    assert report.damaged
