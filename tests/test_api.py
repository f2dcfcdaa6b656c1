"""The repository as programs see it."""

from __future__ import annotations

from pathlib import Path

import dbtool
from dbtool.backup.repository import Repository as PageRepository


def test_what_is_created_and_opened_has_the_features_of_every_layer(tmp_path: Path) -> None:
    made = dbtool.Repository.create(tmp_path / "repo")
    opened = dbtool.Repository.open(tmp_path / "repo")
    assert type(made) is type(opened) is dbtool.Repository
    assert isinstance(opened, PageRepository)
    assert opened.info.id == made.info.id
