"""A new database file that appears whole or not at all.

`NewFileTarget` fills a temporary file and links it to its name. `dbtool.pages.inplace` rewrites
pages of an existing database; `dbtool.pages.sidecars.replace_keeping` takes over where that cannot
be.
"""

from __future__ import annotations

import errno
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dbtool.core.atomicfile import (
    SYSTEM_FILES,
    FileOps,
    failures_named,
    storage_failed,
    temporary_name,
)
from dbtool.errors import Refused
from dbtool.pages.sidecars import move_orphans

__all__ = ["NewFileTarget"]

_FLUSH_BYTES: Final = 64 << 20
"""How much is written before the disk is set to work on it."""
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NewFileTarget:
    """A database file that does not exist until `commit`; a context manager that aborts otherwise.

    Args:
        path: where the file will be.
        page_size: 0 for an empty file.
        page_count: 0 for an empty file.
        files: the system calls, replaced in tests.

    Raises:
        Refused: `target-exists`.
        StorageFailed: the temporary file cannot be made or written.
    """

    def __init__(
        self, path: Path, page_size: int, page_count: int, *, files: FileOps = SYSTEM_FILES
    ) -> None:
        self._target = path
        self._page_size = page_size
        self._page_count = page_count
        self._files = files
        self._descriptor: int | None = None
        self._unflushed_bytes = 0
        self._flusher: ThreadPoolExecutor | None = None
        self._flush: Future[None] | None = None
        self._require_absent()
        self._temporary = path.with_name(f".{path.name}.{temporary_name()}")
        with failures_named("create", self._temporary):
            self._descriptor = files.open_new(self._temporary)

    def write(self, first_page: int, data: bytes | memoryview) -> None:
        """Put whole pages at `first_page` (1-based); in any order.

        Raises:
            ValueError: not whole pages, or not within the page count.
            StorageFailed: no space, or an I/O error; the temporary file is gone.
        """
        _require_pages(first_page, len(data), self._page_size, self._page_count)
        descriptor = self._opened()
        offset = (first_page - 1) * self._page_size
        rest = memoryview(data)
        try:  # not the context below: this runs once for every few pages
            while rest:
                written = self._files.write_at(descriptor, rest, offset)
                rest, offset = rest[written:], offset + written
                self._unflushed_bytes += written
            if self._unflushed_bytes >= _FLUSH_BYTES:
                self._flush_meanwhile(descriptor)
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError):
                raise storage_failed(error, "write", self._target) from error
            raise

    def commit(self) -> None:
        """Make the file durable and give it its name, never over another file.

        Raises:
            Refused: `target-exists`, a file appeared meanwhile; the temporary file is gone.
            StorageFailed: no space, or an I/O error; the temporary file is gone.
        """
        descriptor = self._opened()
        with self._discarding("write"):
            self._end_flushing()
            os.ftruncate(descriptor, self._page_size * self._page_count)
            self._files.fsync(descriptor)
            self._descriptor = None
            self._files.close(descriptor)
            self._require_absent()
            move_orphans(self._target, self._files)
            self._publish()
            self._files.fsync_folder(self._target.absolute().parent)

    def abort(self) -> None:
        """Remove the temporary file; never raises; does nothing after `commit`."""
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            self._end_flushing()
        with suppress(OSError):
            if descriptor is not None:
                self._files.close(descriptor)
        with suppress(OSError):
            self._files.unlink(self._temporary)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def _flush_meanwhile(self, descriptor: int) -> None:
        """Let a thread make durable what is written so far, so that less is left for the end."""
        if self._flush is not None and not self._flush.done():
            return
        self._unflushed_bytes = 0
        if self._flush is not None:
            self._flush.result()  # an error is told once only, so it must not get lost here
        self._flusher = self._flusher or ThreadPoolExecutor(1, "dbtool-flush")
        self._flush = self._flusher.submit(self._files.fsync, descriptor)

    def _end_flushing(self) -> None:
        flusher, self._flusher = self._flusher, None
        if flusher is not None:
            flusher.shutdown()
        flush, self._flush = self._flush, None
        if flush is not None:
            flush.result()

    def _publish(self) -> None:
        try:
            self._files.link(self._temporary, self._target)
        except FileExistsError:
            raise self._exists() from None
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            # Without hard links: the name is taken exclusively first, so a rename over it hits only
            # our own.
            os.close(self._files.open_new(self._target))
            self._files.replace(self._temporary, self._target)
        else:
            self._files.unlink(self._temporary)

    def _require_absent(self) -> None:
        if os.path.lexists(self._target):
            raise self._exists()

    def _exists(self) -> Refused:
        hint = "name another file, or restore over it on purpose"
        return Refused("target-exists", f"{self._target} exists already", hint=hint)

    def _opened(self) -> int:
        if self._descriptor is None:
            message = "the target was committed or aborted already"
            raise ValueError(message)
        return self._descriptor

    def _discarding(self, action: str) -> ExitStack:
        """Return a context that aborts on any failure and names an `OSError`."""
        stack = ExitStack()
        stack.enter_context(failures_named(action, self._target))

        def abort(kind: type[BaseException] | None, *_: object) -> None:
            if kind is not None:
                self.abort()

        stack.push(abort)
        return stack


def _require_pages(first_page: int, length: int, page_size: int, page_count: int) -> None:
    whole = page_size and length % page_size == 0
    if not whole or first_page < 1 or first_page - 1 + length // page_size > page_count:
        message = (
            f"{length} bytes at page {first_page} are not within {page_count} pages of {page_size}"
        )
        raise ValueError(message)
