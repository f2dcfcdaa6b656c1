"""Objects as files in a folder that is reached through SFTP.

    sftp://USER@HOST:PORT/ABSOLUTE/PATH
    sftp://HOST/~/PATH/IN/THE/HOME/FOLDER

The layout is that of a local store, with leases in `locks/` instead of a file to `flock`. A file is
written under `tmp/`, synced where the server offers `fsync@openssh.com`, and renamed: plainly,
which never overwrites (draft-ietf-secsh-filexfer-02, 6.5), or by `posix-rename@openssh.com`, which
replaces. SFTP has no way to sync a folder: names are as durable as the server's file system is.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from dbtool.core.atomicfile import temporary_name
from dbtool.errors import NotFound, Refused, StorageFailed, UsageError
from dbtool.store.lease import Rhythm
from dbtool.store.remote import RemoteStore
from dbtool.store.retry import Patience, Retrying
from dbtool.store.ssh import FileTaken, SshSession

__all__ = ["SftpFolder", "SftpStore"]

Result = TypeVar("Result")
_TEMPORARY: Final = "tmp"
_WRITE_BYTES: Final = 4 * 1024 * 1024
_AT_ONCE: Final = 16
"""Folders that are listed at the same time."""


class SftpStore(RemoteStore):
    """A `Store` in a folder behind SFTP; one instance may serve several threads."""

    def __init__(
        self, location: str, *, patience: Patience | None = None, rhythm: Rhythm | None = None
    ) -> None:
        """Prepare, without asking the network.

        Raises:
            UsageError: `store-location-invalid`, `extra-missing`.
        """
        self._folder = SftpFolder(location, patience)
        super().__init__(self._folder, rhythm=rhythm)

    def create_root(self) -> None:
        """Make the folder, for its owner alone, with what is missing above it; keep what is there.

        Raises:
            StorageFailed: it cannot be made.
        """
        self._folder.make_root()

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        self._folder.close()


class SftpFolder:
    """Files below a folder, sent until they come through. Thread-safe."""

    def __init__(self, location: str, patience: Patience | None = None) -> None:
        self.location = location
        host, port, user, self._root = _parsed(location)
        self._session = SshSession(location, host=host, port=port, user=user)
        self._retrying = Retrying(patience)
        self.close = self._session.close

    def make_root(self) -> None:
        """Make the folder and its folder for temporary files."""

        async def make(sftp: Any) -> None:
            await sftp.makedirs(f"{self._root}/{_TEMPORARY}", _attributes(0o700), exist_ok=True)

        self._ask("make the folder", make)

    def create(self, key: str, data: bytes | bytearray) -> None:
        """Write a file that is not there."""

        def attempt(failures: int) -> None:
            # What was sent before may have come through, though its answer did not.
            if failures and self._content_or_none(key) == data:
                return
            try:
                self._publish(key, data, "rename")
            except FileTaken:
                if self._content_or_none(key) is None:
                    raise
                raise Refused("object-exists", f"{key} is in {self.location} already") from None

        self._named(f"write {key}", attempt)

    def overwrite(self, key: str, data: bytes) -> None:
        """Write a file over an older one."""
        self._named(f"write {key}", lambda _: self._publish(key, data, "posix_rename"))

    def read(self, key: str) -> bytes:
        """Return the content of a file."""
        return self._named(f"read {key}", lambda _: self._content(key))

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""

        async def read(sftp: Any) -> bytes:
            async with sftp.open(self._path(key), "rb", encoding=None) as file:
                return bytes(await file.read(length, offset)) if length else b""

        return self._ask(f"read {key}", read)

    def size(self, key: str) -> int:
        """Return the size of a file in bytes."""

        async def ask(sftp: Any) -> int:
            return int((await sftp.stat(self._path(key))).size)

        return self._ask(f"read {key}", ask)

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of the files in a folder and below it, by name."""

        async def ask(sftp: Any) -> list[tuple[str, int]]:
            found: list[tuple[str, int]] = []
            folders = [folder]
            while folders:
                some, folders = folders[:_AT_ONCE], folders[_AT_ONCE:]
                for files, below in await asyncio.gather(*(self._listed(sftp, f) for f in some)):
                    found += files
                    folders += below
            return sorted(found)

        yield from self._ask("list files", ask)

    def remove(self, key: str) -> None:
        """Remove a file; a missing one is not an error."""

        async def remove(sftp: Any) -> None:
            await sftp.remove(self._path(key))

        with suppress(NotFound):
            self._ask(f"remove {key}", remove)

    def sweep(self, *, older_than_s: float) -> int:
        """Remove temporary files that nobody has written to for so long, by the server's clock."""

        async def sweep(sftp: Any) -> int:
            swept = 0
            folder = self._path(_TEMPORARY)
            probe = f"{folder}/{temporary_name()}"
            await _written(sftp, probe, b"")
            now_s = (await sftp.stat(probe)).mtime or 0
            await sftp.remove(probe)
            for entry in await sftp.readdir(folder):
                attrs = entry.attrs
                old = (attrs.mtime or now_s) <= now_s - older_than_s
                if old and stat.S_ISREG(attrs.permissions or 0):
                    await sftp.remove(f"{folder}/{entry.filename}")
                    swept += attrs.size or 0
            return swept

        return self._ask("clean up", sweep)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _ask(self, action: str, work: Callable[[Any], Coroutine[Any, Any, Result]]) -> Result:
        return self._named(action, lambda _: self._session.ask(action, work))

    def _named(self, action: str, work: Callable[[int], Result]) -> Result:
        """Send again what does not come through; name a failure that the server does not."""
        try:
            return self._retrying(work)
        except FileTaken as error:
            raise StorageFailed(
                "io-error",
                f"cannot {action} at {self.location}: the server says {error}",
                context="it gives no reason; no space may be left, or a file be in the way",
            ) from error

    def _content(self, key: str) -> bytes:
        async def read(sftp: Any) -> bytes:
            async with sftp.open(self._path(key), "rb", encoding=None) as file:
                return bytes(await file.read())

        return self._session.ask(f"read {key}", read)

    def _content_or_none(self, key: str) -> bytes | None:
        with suppress(NotFound):
            return self._content(key)
        return None

    def _publish(self, key: str, data: bytes | bytearray, rename: str) -> None:
        """Write a temporary file and give it its name by the method `rename` of the client."""
        temporary = self._path(f"{_TEMPORARY}/{temporary_name()}")

        async def publish(sftp: Any) -> None:
            await _written(sftp, temporary, data)
            try:
                await self._renamed(sftp, temporary, self._path(key), rename)
            except BaseException:
                with suppress(Exception):  # whatever stopped the rename is what is told
                    await sftp.remove(temporary)
                raise

        self._session.ask(f"write {key}", publish)

    async def _renamed(self, sftp: Any, temporary: str, path: str, rename: str) -> None:
        from asyncssh import SFTPNoSuchFile

        try:
            await getattr(sftp, rename)(temporary, path)
        except SFTPNoSuchFile:  # its folder is not there yet
            parent = path.rpartition("/")[0]
            await sftp.makedirs(parent, _attributes(0o700), exist_ok=True)
            await getattr(sftp, rename)(temporary, path)

    async def _listed(self, sftp: Any, folder: str) -> tuple[list[tuple[str, int]], list[str]]:
        """Return the files in a folder with their sizes, and the folders in it."""
        from asyncssh import SFTPNoSuchFile

        files: list[tuple[str, int]] = []
        below: list[str] = []
        start = f"{folder}/" if folder else ""
        try:
            entries = await sftp.readdir(self._path(folder).rstrip("/"))
        except SFTPNoSuchFile:
            if not folder:
                raise
            return files, below
        for entry in entries:
            key, mode = f"{start}{entry.filename}", entry.attrs.permissions or 0
            if entry.filename in (".", "..") or key == _TEMPORARY:
                continue
            if stat.S_ISDIR(mode):
                below.append(key)
            elif stat.S_ISREG(mode):
                files.append((key, entry.attrs.size or 0))
        return files, below


async def _written(sftp: Any, path: str, data: bytes | bytearray) -> None:
    from asyncssh import SFTPNoSuchFile, SFTPOpUnsupported

    async def write() -> None:
        async with sftp.open(path, "xb", _attributes(0o600), encoding=None) as file:
            for start in range(0, len(data), _WRITE_BYTES):  # all at once would be copied at once
                await file.write(bytes(data[start : start + _WRITE_BYTES]))
            with suppress(SFTPOpUnsupported):
                await file.fsync()

    try:
        await write()
    except SFTPNoSuchFile:
        # Copying a repository often drops empty folders; its own has to be there.
        await sftp.mkdir(path.rpartition("/")[0], _attributes(0o700))
        await write()


def _attributes(mode: int) -> Any:
    from asyncssh import SFTPAttrs

    return SFTPAttrs(permissions=mode)


def _parsed(location: str) -> tuple[str, int | None, str | None, str]:
    """Return host, port, user and folder of a URL."""
    parts = urlsplit(location)
    try:
        port = parts.port
    except ValueError:
        port = -1
    path = unquote(parts.path).rstrip("/")
    wrong = parts.password is not None or parts.query or parts.fragment or port == -1
    if wrong or not parts.hostname or not path or "\0" in path:
        raise UsageError(
            "store-location-invalid",
            f"{location!r} is not the URL of a folder behind SFTP",
            context="it needs a host and a path, and holds no password",
            hint="write sftp://USER@HOST:PORT/ABSOLUTE/PATH, or /~/PATH for one in the home folder",
        )
    return parts.hostname, port, parts.username, path.removeprefix("/~/")
