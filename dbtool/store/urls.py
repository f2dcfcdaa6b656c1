"""From a location, as a person writes it, to the store that serves it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dbtool.errors import UsageError
from dbtool.store.base import Store
from dbtool.store.local import LocalStore

__all__ = ["SCHEMES", "is_remote", "local_root", "open_store"]

SCHEMES: Final = ("file", "s3", "gs", "az", "sftp")
"""The URL schemes that `open_store` knows; a location without one is a folder."""

_BUCKETS: Final = ("s3", "gs", "az")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(location: str, *, create: bool = False) -> Store:
    """Return the store at `location`: the path of a folder, or a URL.

    Args:
        location: where it is.
        create: make the place where it is missing (a bucket has to be there); else it is not
            touched and need not exist.

    Raises:
        UsageError: the location is empty, its scheme is unknown, it is no folder (`create`), a
            library for it is missing, or the store cannot keep a repository (`create`).
        StorageFailed: the place cannot be made.
        NotFound: the bucket is missing (`create`).
        Unreachable: a remote does not answer.
    """
    scheme = _scheme(location)
    if scheme in _BUCKETS:
        from dbtool.store.objectstore import ObjectStore

        bucket = ObjectStore(location)
        if create:
            bucket.require_conditions()
        return bucket
    if scheme == "sftp":
        from dbtool.store.sftp import SftpStore

        folder = SftpStore(location)
        if create:
            folder.create_root()
        return folder
    root = local_root(location)
    return LocalStore.create_root(root) if create else LocalStore(root)


def is_remote(location: str) -> bool:
    """Return whether a location is somewhere else than in the file system of this machine."""
    return _scheme(location) not in ("", "file")


def local_root(location: str) -> Path:
    """Return the folder that `location` means; `UsageError` where it means none."""
    scheme = _scheme(location)
    if not scheme:
        return Path(location)
    if scheme != "file":
        raise UsageError(
            "store-location-invalid",
            f"{location!r} is not a folder on this machine",
            hint="name a folder",
        )
    return _path_of_file_url(location)


def _scheme(location: str) -> str:
    if not location or "\0" in location:
        raise UsageError(
            "store-location-invalid", "the location of the repository is empty or holds a NUL"
        )
    match = _SCHEME.match(location)
    if match is None:
        return ""
    scheme = match[1].lower()
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UsageError(
            "store-scheme-unknown",
            f"cannot keep a repository at {scheme}://",
            context=f"known are the path of a folder, and {known}",
        )
    return scheme


def _path_of_file_url(location: str) -> Path:
    from urllib.parse import unquote, urlsplit  # a folder must not pay for loading it

    # Not parsed as a query or a fragment: `?` and `#` may stand in the name of a folder.
    parts = urlsplit(location.replace("?", "%3F").replace("#", "%23"))
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path or "\0" in path:
        raise UsageError(
            "store-location-invalid",
            f"{location!r} is not the URL of a folder on this machine",
            hint="write file:///absolute/path, or the path alone",
        )
    return Path(path)
