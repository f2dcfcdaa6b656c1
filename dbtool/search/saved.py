"""Saved searches: a table, its columns, and conditions with names, from `[search.NAME]`.

A condition is SQL over a row; each `?` in it takes the value that is given for it, and one without
takes none. What is asked for is bound, never put into the SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dbtool.core.sqlerror import nearest
from dbtool.errors import NotFound, UsageError
from dbtool.search.model import Filter, Place, Value

__all__ = ["SavedSearch", "chosen_filters", "find_saved", "saved_searches"]

_FILTERS: Final = "filters."
_PARAMETER: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\?)")


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """One `[search.NAME]`."""

    name: str
    description: str
    places: tuple[Place, ...]
    filters: Mapping[str, str]
    """SQL by name."""


def saved_searches(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, SavedSearch]:
    """Return the saved searches of a configuration.

    Args:
        tables: keys and values of each `[search.NAME]`, those of tables within joined by dots.
    """
    return {name: _saved(name, settings) for name, settings in tables.items()}


def find_saved(searches: Mapping[str, SavedSearch], name: str) -> SavedSearch:
    """Return one of them.

    Raises:
        NotFound: `saved-search-not-found`.
    """
    if name in searches:
        return searches[name]
    close = nearest(name, list(searches))
    listed = f"there are: {', '.join(searches)}" if searches else "add a [search.NAME] with a table"
    raise NotFound(
        "saved-search-not-found",
        f"no saved search is named {name}",
        context="" if searches else "the configuration holds none",
        hint=f"did you mean {close}?" if close else listed,
    )


def chosen_filters(
    search: SavedSearch, given: Sequence[tuple[str, Value]], *, bare: Sequence[str] = ()
) -> tuple[Filter, ...]:
    """Return the conditions that were chosen, with their values.

    Args:
        search: whose.
        given: name and value of those that take one.
        bare: names of those that take none.

    Raises:
        UsageError: `filter-unknown`, `filter-value`.
    """
    found = []
    for name, value in given:
        sql = _sql(search, name)
        count = _count(sql)
        if not count:
            raise _wrong(search, name, "takes no value", f"--filter {name}")
        found.append(Filter(sql, (value,) * count, f"filter {name}"))
    for name in bare:
        sql = _sql(search, name)
        if _count(sql):
            raise _wrong(search, name, "takes a value", f"--filter {name}=VALUE")
        found.append(Filter(sql, (), f"filter {name}"))
    return tuple(found)


def _saved(name: str, settings: Mapping[str, Any]) -> SavedSearch:
    table = settings.get("table")
    columns = settings.get("columns", ())
    places = tuple(Place(table, column) for column in columns) if columns else ()
    if table and not places:
        places = (Place(table),)
    filters = {
        key.removeprefix(_FILTERS): str(value)
        for key, value in settings.items()
        if key.startswith(_FILTERS)
    }
    return SavedSearch(name, str(settings.get("description") or ""), places, filters)


def _sql(search: SavedSearch, name: str) -> str:
    if name in search.filters:
        return search.filters[name]
    close = nearest(name, list(search.filters))
    listed = f"there are: {', '.join(search.filters)}" if search.filters else "it has none"
    raise UsageError(
        "filter-unknown",
        f"the saved search {search.name} has no filter {name}",
        hint=f"did you mean {close}?" if close else listed,
    )


def _count(sql: str) -> int:
    return sum(1 for found in _PARAMETER.finditer(sql) if found[1])


def _wrong(search: SavedSearch, name: str, what: str, hint: str) -> UsageError:
    return UsageError(
        "filter-value",
        f"the filter {name} of {search.name} {what}",
        context=search.filters[name],
        hint=hint,
    )
