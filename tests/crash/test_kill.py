"""Two hundred kills: the suite's share of what `kill_cycles.py` does ten thousand times."""

from __future__ import annotations

import pytest

from tests.crash import kill_cycles


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["backup", "restore"])
def test_killing_at_any_moment_loses_nothing(kind: str, seed: int) -> None:
    killed = kill_cycles.run(25, seed, kind)
    assert killed >= 5, "the children were done before they could be killed"
