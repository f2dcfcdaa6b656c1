"""From a location that a command was told to the store that serves it, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.store.urls import open_store

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.store.base import Store

__all__ = ["reach_store"]


def reach_store(session: Session, location: str, *, create: bool = False) -> Store:
    """Return the store at a location, behind the limits that the session sets.

    Args:
        session: says whether the store may only be added to, and how fast.
        location: a folder or a URL.
        create: make the place, or see that it can keep a repository.

    Raises:
        UsageError: the location or an option makes no sense.
    """
    store = open_store(location, create=create)
    if session.config.get("repository.append_only"):
        from dbtool.store.appendonly import AppendOnlyStore

        store = AppendOnlyStore(store)
    rate = _upload_limit(session)
    if rate:
        from dbtool.store.limited import LimitedStore

        store = LimitedStore(store, bytes_per_s=rate)
    return store


def _upload_limit(session: Session) -> int:
    from dbtool.core.quantities import parse_size
    from dbtool.errors import UsageError

    given = session.given.get("limit_upload")
    if given is None:
        return int(session.config.get("repository.limit_upload") or 0)
    try:
        return parse_size(str(given))
    except ValueError as error:
        raise UsageError(
            "invalid-value",
            f"--limit-upload {given}: {error}",
            hint="write bytes a second, such as 500KiB or 2MB; 0 is no limit",
        ) from error
