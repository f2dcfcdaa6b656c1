"""What searches are asked for and answer."""

from __future__ import annotations

import dataclasses

import pytest

from dbtool.search.model import MODES, SearchOptions, SearchResult


def test_options_and_results_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SearchOptions().limit = 1  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        SearchResult((), 0, ()).total = 1  # type: ignore[misc]
    assert SearchOptions().mode in MODES
