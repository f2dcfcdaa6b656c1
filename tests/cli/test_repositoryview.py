"""Parts of `verify --snapshots`; its behaviour is tested with the command."""

from __future__ import annotations

import pytest

from dbtool.cli.repositoryview import page_ranges, share_of
from dbtool.errors import UsageError


@pytest.mark.parametrize(("text", "share"), [("100%", 1.0), ("10%", 0.1), ("0.5", 0.5)])
def test_shares(text: str, share: float) -> None:
    assert share_of(text) == share


@pytest.mark.parametrize("text", ["0", "101%", "-1%", "much", ""])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(UsageError):
        share_of(text)


def test_many_ranges_are_cut() -> None:
    assert page_ranges([(1, 1), (3, 5)]) == "1, 3-5"
    assert page_ranges([(n * 2, n * 2) for n in range(1, 12)]).endswith(
        "and 3 more (all with --json)"
    )
