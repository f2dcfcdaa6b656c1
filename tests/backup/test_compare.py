"""Which pages differ, against the files themselves as oracle."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dbtool.backup.compare import differing_from, differing_in, equals
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.pages.reader import PageReader
from tests.backup.conftest import make_database, update


def expected(wanted: bytes, found: bytes, page_size: int = 4096) -> list[int]:
    pages = range(len(wanted) // page_size)
    cut = lambda data, page: data[page * page_size : (page + 1) * page_size]  # noqa: E731  a name for a slice
    return [page for page in pages if cut(wanted, page) != cut(found, page)]


@pytest.mark.parametrize("rows", [10, 500, 900])
def test_pages_that_differ_or_are_missing_are_found_in_files_and_in_maps(
    repository: Repository, tmp_path: Path, rows: int
) -> None:
    wanted = make_database(tmp_path / "wanted.db", journal_mode="delete")
    other = make_database(tmp_path / "other.db", rows=rows, journal_mode="delete")
    if rows == 500:
        update(other, f"id IN ({random.Random(1).randint(1, 500)}, 77, 400)")
    tree = repository.open_snapshot(repository.backup(wanted).snapshot)  # type: ignore[arg-type]
    present = repository.open_snapshot(repository.backup(other).snapshot)  # type: ignore[arg-type]
    entries = tree.segment(0)
    oracle = expected(wanted.read_bytes(), other.read_bytes())
    assert oracle
    with PageReader.open(other) as reader:
        assert differing_in(reader, entries, repository.hash_pages) == oracle
        assert not equals(reader, tree, repository.hash_pages, Silent())
        assert equals(reader, present, repository.hash_pages, Silent())
    found = list(differing_from(present, entries))
    assert found == oracle
