"""A few seconds of the soak of `follow`: see `follow_soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.follow_soak import Scene


@pytest.mark.slow
def test_follow_survives_kills_checkpoints_and_vacuum_without_a_silent_gap(tmp_path: Path) -> None:
    # Moments are judged by the script alone: a test must not fail because the machine is busy.
    scene = Scene(tmp_path, seed=7, rate=100.0, slack_s=60.0, longest_gap_s=60.0)
    scene.run(9, life_s=(2.0, 3.0))
    assert scene.problems() == []
    assert len(scene.dead) > 2
    assert len(scene.repository.snapshots()) > len(scene.dead)
