"""Objects as files in a folder.

    ROOT/                0700
      lock               held with flock, shared by everyone and exclusive by who removes things
      tmp/               files being written; never listed, safe to delete when nobody writes
      <key>              one file per object, 0600, in folders of 0700

Invariant: a file outside `tmp/` is whole, since it got its name only after its bytes were durable.
No name is taken
twice: `link` refuses (on file systems without hard links, a rename under a lock on `tmp/`). Names
are durable after `sync`, `put` or `replace`. Symbolic links below the root are never followed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from dbtool.core.atomicfile import (
    SYSTEM_FILES,
    FileOps,
    TempFile,
    failures_named,
    storage_failed,
    temporary_name,
)
from dbtool.errors import Damaged, Locked, NotFound, Refused, StorageFailed, UsageError
from dbtool.store.naming import RESERVED, checked_key, checked_prefix, is_key

__all__ = ["LocalStore"]

_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOT_WRITABLE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class LocalStore:
    """A `Store` in a folder; one instance may serve several threads."""

    def __init__(self, root: Path, *, files: FileOps = SYSTEM_FILES) -> None:
        # Absolute, so that a later chdir does not move the repository.
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - keeps the name that was given
        self._files = files
        self._temporary = self.root / "tmp"
        self._guard = threading.Lock()
        self._syncing = threading.Lock()
        self._unsynced: set[Path] = set()
        self._synced_once: set[Path] = set()

    @classmethod
    def create_root(cls, root: Path, *, files: FileOps = SYSTEM_FILES) -> Self:
        """Make the folder durably, with what every store has in it; an existing one is kept.

        Raises:
            UsageError: `root` is something else than a folder.
            StorageFailed: it cannot be made.
        """
        store = cls(root, files=files)
        if store.root.exists() and not store.root.is_dir():
            raise UsageError("store-not-a-folder", f"{store.root} is not a folder")
        with failures_named("create", store.root):
            missing = [
                folder for folder in (store.root, *store.root.parents) if not folder.exists()
            ]
            for folder in (*reversed(missing), store._temporary):
                store._make_folder(folder)
            os.close(store._open_lock())
            for folder in (store.root, *(made.parent for made in missing)):
                files.fsync_folder(folder)
        return store

    @property
    def location(self) -> str:
        """The path of the folder."""
        return str(self.root)

    @property
    def is_remote(self) -> bool:
        """Say no."""
        return False

    def create(self, key: str) -> _LocalWriter:
        """Begin a new object under `key`."""
        return _LocalWriter(self, self._path(key), key)

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably, its name too."""
        writer = self.create(key)
        writer.write(data)
        writer.commit()
        self.sync()

    def replace(self, key: str, data: bytes) -> None:
        """Write an object atomically over an older one, durably."""
        path = self._path(key)
        with failures_named("write", path):
            temporary = self._new_temporary()
            temporary.write(data)
            try:
                self._prepare_folder(path.parent)
            except BaseException:
                temporary.discard()
                raise
            temporary.publish_over(path)
            self._note_changed(path.parent)
        self.sync()

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        with self._reading(key) as (descriptor, size):
            return self._read(descriptor, 0, size)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        with self._reading(key) as (descriptor, size):
            return self._read(descriptor, offset, min(length, max(0, size - offset)))

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        with self._reading(key) as (_, size):
            return size

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the objects under `prefix`; what appears or goes meanwhile may be in it or not."""
        folder = checked_prefix(prefix)
        if not folder and not self.root.is_dir():
            raise self._root_missing()
        yield from self._walk(folder)

    def delete(self, key: str) -> None:
        """Remove the object, if there is one; durable after `sync`."""
        path = self._path(key)
        try:
            self._files.unlink(path)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return
            raise storage_failed(error, "remove", path) from error
        self._note_changed(path.parent)

    def close(self) -> None:
        """Do nothing: no file stays open between two requests."""

    def withdraw(self, key: str) -> None:
        """Remove an object that was just written."""
        self.delete(key)

    def sync(self) -> None:
        """Make the names of all objects committed so far durable."""
        # One at a time: who finds nothing to do must not return before the other one is done.
        with self._syncing:
            with self._guard:
                folders = sorted(self._unsynced)
                self._unsynced.clear()
            try:
                while folders:
                    with failures_named("sync", folders[-1]):
                        self._files.fsync_folder(folders[-1])
                    self._synced_once.add(folders.pop())
            finally:
                # Whatever was not synced is tried again next time.
                with self._guard:
                    self._unsynced.update(folders)

    def sweep(self, *, older_than_s: float) -> int:
        """Remove files of dead writers from `tmp/`; return their size in bytes."""
        swept = 0
        latest_s = time.time() - older_than_s
        with failures_named("clean", self._temporary), suppress(FileNotFoundError):
            for entry in list(os.scandir(self._temporary)):
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode) and state.st_mtime <= latest_s:
                    self._files.unlink(Path(entry.path))
                    swept += state.st_size
        return swept

    @contextmanager
    def lock(self, *, exclusive: bool) -> Iterator[None]:
        """Hold the lock of the folder; a process that dies lets go of it.

        On a read-only medium without a lock file a shared lock is granted without one: nobody can
        change it.
        """
        try:
            descriptor = self._open_lock()
        except OSError as error:
            if exclusive or error.errno != errno.EROFS:
                raise self._failure(error, "lock", self.root / "lock") from error
            yield
            return
        try:
            self._flock(descriptor, exclusive=exclusive)
            yield
        finally:
            os.close(descriptor)

    def confirm_lock(self) -> None:
        """Do nothing: the system takes no `flock` away."""

    def _open_lock(self) -> int:
        path = self.root / "lock"
        flags = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise
            refused = error
        try:
            return os.open(path, flags | os.O_RDONLY)
        except FileNotFoundError:
            raise refused from None

    def _flock(self, descriptor: int, *, exclusive: bool) -> None:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(
                "repository-locked",
                f"the repository {self.root} is in use by another process",
                context="it is held exclusively" if not exclusive else "this work needs it alone",
                hint=f"wait for it to end, or find it: fuser -v {self.root / 'lock'}",
            ) from None
        except OSError as error:
            raise storage_failed(error, "lock", self.root / "lock") from error

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    def _new_temporary(self) -> TempFile:
        # Copying a repository often drops empty folders, so this one may have to be made again.
        self._prepare_folder(self._temporary)
        return TempFile(self._temporary / temporary_name(), self._files)

    def _prepare_folder(self, folder: Path) -> None:
        """Make `folder` and what lies between it and the root; refuse symbolic links on the way."""
        if not self.root.is_dir():
            raise self._root_missing()
        between = [folder, *folder.parents]
        for step in reversed(between[: between.index(self.root)]):
            self._make_folder(step)

    def _make_folder(self, folder: Path) -> None:
        try:
            if stat.S_ISDIR(folder.lstat().st_mode) or folder == self.root:
                return
        except FileNotFoundError:
            try:
                self._files.mkdir(folder)
            except FileExistsError:  # somebody else was faster
                self._make_folder(folder)
            return
        raise StorageFailed(
            "not-a-folder",
            f"{folder} is not a folder",
            context="symbolic links inside a repository are not followed",
        )

    def _note_changed(self, folder: Path) -> None:
        """Remember to sync `folder`, and once those above it, whose maker may have died before."""
        above = [folder, *folder.parents]
        above = above[1 : above.index(self.root) + 1]
        with self._guard:
            self._unsynced.add(folder)
            self._unsynced.update(step for step in above if step not in self._synced_once)

    @contextmanager
    def _reading(self, key: str) -> Iterator[tuple[int, int]]:
        path = self._path(key)
        try:
            descriptor = self._files.open_read(path)
        except OSError as error:
            raise self._failure(error, "read", path) from error
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise Damaged("object-not-a-file", f"{path} is not a regular file")
            with failures_named("read", path):
                yield descriptor, state.st_size
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, offset: int, length: int) -> bytes:
        first = self._files.read_at(descriptor, length, offset)
        if len(first) == length:  # nearly always: no second copy
            return first
        parts = [first]
        done = len(first)
        while done < length and parts[-1]:
            parts.append(self._files.read_at(descriptor, length - done, offset + done))
            done += len(parts[-1])
        return b"".join(parts)

    def _walk(self, folder: str) -> Iterator[tuple[str, int]]:
        path = self.root / folder
        try:
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return
            raise storage_failed(error, "list", path) from error
        for entry in found:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if key in RESERVED or not is_key(key):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(key)
            elif entry.is_file(follow_symlinks=False):
                yield from self._sized(key, entry)

    def _sized(self, key: str, entry: os.DirEntry[str]) -> Iterator[tuple[str, int]]:
        try:
            yield key, entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return

    def _failure(
        self, error: OSError, action: str, path: Path
    ) -> NotFound | StorageFailed | Damaged:
        if error.errno in _NOT_THERE:
            if not self.root.is_dir():
                return self._root_missing()
            return NotFound(
                "object-missing", f"{path.relative_to(self.root)} is missing from {self.root}"
            )
        if error.errno == errno.ELOOP:
            return Damaged("object-not-a-file", f"{path} is a symbolic link, which is not followed")
        return storage_failed(error, action, path)

    def _root_missing(self) -> NotFound:
        return NotFound(
            "store-not-found",
            f"the folder {self.root} does not exist",
            hint="is its disk mounted, is its name right?",
        )


class _LocalWriter:
    """An object of a `LocalStore` before its commit."""

    def __init__(self, store: LocalStore, path: Path, key: str) -> None:
        self._store = store
        self._path = path
        self._key = key
        with failures_named("write", path):
            self._temporary = store._new_temporary()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        with failures_named("write", self._path):
            self._temporary.write(data)

    def commit(self) -> None:
        """Make the bytes durable, then visible; the name is durable after the store's `sync`."""
        store = self._store
        try:
            with failures_named("write", self._path):
                store._prepare_folder(self._path.parent)
        except BaseException:
            self.abort()
            raise
        try:
            self._temporary.publish_new(self._path)
        except FileExistsError:
            raise Refused("object-exists", f"{self._key} is in {store.root} already") from None
        except OSError as error:
            raise storage_failed(error, "write", self._path) from error
        store._note_changed(self._path.parent)

    def abort(self) -> None:
        """Remove what was written."""
        self._temporary.discard()
