"""Fixtures of the tests of migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.migrate.kit import SHOP, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a database without tables and an empty folder of migrations."""
    return Project(tmp_path)


@pytest.fixture
def shop(project: Project) -> Project:
    """Return a database with parents, children, a trigger, a view: migration 0001 is applied."""
    project.write("0001_shop.sql", SHOP)
    project.sql("SELECT 1")
    project.run(allow=["foreign-keys", "delete-without-where"])
    return project
