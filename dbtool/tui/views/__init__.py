"""The tabs of a database's screen, one module each."""

from __future__ import annotations

from typing import Final

from dbtool.tui.views.backups import BackupsView
from dbtool.tui.views.events import EventsView
from dbtool.tui.views.indexes import IndexesView
from dbtool.tui.views.locks import LocksView
from dbtool.tui.views.migrations import MigrationsView
from dbtool.tui.views.overview import OverviewView
from dbtool.tui.views.queries import QueriesView
from dbtool.tui.views.search import SearchView
from dbtool.tui.views.storage import StorageView
from dbtool.tui.views.view import View

__all__ = ["VIEWS"]

VIEWS: Final[dict[str, type[View]]] = {
    "overview": OverviewView,
    "backups": BackupsView,
    "storage": StorageView,
    "locks": LocksView,
    "queries": QueriesView,
    "indexes": IndexesView,
    "migrations": MigrationsView,
    "search": SearchView,
    "events": EventsView,
}
"""By name, in the order of their digits."""
