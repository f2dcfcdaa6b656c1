"""One SSH connection with its SFTP session, made when it is needed and again when it broke.

The library `asyncssh` is asynchronous and stores are not: a thread of its own runs its event loop,
and every request waits for its answer there. Several threads may send requests at once.

Hosts have to be in `known_hosts`; keys come from the agent, `~/.ssh` and `~/.ssh/config`, as with
the `ssh` command. Nothing is asked of a terminal.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Final, TypeVar

from dbtool.errors import DbtoolError, NotFound, Refused, StorageFailed, Unreachable, UsageError

__all__ = ["FileTaken", "SshSession"]

Result = TypeVar("Result")

_ANSWER_LIMIT_S: Final = 600.0
"""For one request: the largest pack, 16 MiB, over a line of a quarter of a megabit a second."""
_CONNECT_LIMIT_S: Final = 20.0
_KEEP_ALIVE_S: Final = 15.0
_STOP_LIMIT_S: Final = 5.0


class FileTaken(Exception):  # noqa: N818  never seen outside of the store
    """The server would not do it, and does not say why: there may be such a file already."""


class SshSession:
    """An SFTP session that survives its connection. Thread-safe."""

    def __init__(self, location: str, *, host: str, port: int | None, user: str | None) -> None:
        """Prepare, without asking the network.

        Raises:
            UsageError: `extra-missing`.
        """
        try:
            import asyncssh
        except ImportError as error:
            raise UsageError(
                "extra-missing",
                "repositories at sftp:// need the library asyncssh",
                context="it is an optional part of dbtool, and not installed",
                hint="pip install 'dbtool[sftp]'",
            ) from error
        self._ssh = asyncssh
        self._location = location
        self._options: dict[str, Any] = {"host": host, "port": port or (), "username": user or ()}
        self._guard = threading.Lock()
        self._link: _Link | None = None

    def ask(self, action: str, work: Callable[[Any], Coroutine[Any, Any, Result]]) -> Result:
        """Return what `work`, given the SFTP client, comes to.

        Raises:
            FileTaken: the server failed without a reason.
            NotFound: `object-missing`.
            StorageFailed: `permission-denied`, `no-space`, `io-error`.
            Refused: `host-key-unknown`.
            Unreachable: `store-unreachable`; the next request connects anew.
        """
        link = self._linked()
        future = asyncio.run_coroutine_threadsafe(link.ask(work), link.loop)
        try:
            return future.result(_ANSWER_LIMIT_S)
        except self._ssh.SFTPFailure as error:
            raise FileTaken(str(error)) from error
        except (self._ssh.Error, OSError, EOFError, CancelledError) as error:
            # Among them a timeout, which is an OSError, and a session that was closed meanwhile.
            future.cancel()
            raise self._understood(error, action) from error

    def close(self) -> None:
        """End the connection and the thread; the next request begins both again."""
        with self._guard:
            link, self._link = self._link, None
        if link is not None:
            link.stop()

    def _linked(self) -> _Link:
        with self._guard:
            if self._link is None:
                self._link = _Link(self._ssh, self._options)
                weakref.finalize(self, self._link.stop)
            return self._link

    def _understood(self, error: Exception, action: str) -> DbtoolError:
        ssh, place = self._ssh, self._location
        lost = ssh.SFTPConnectionLost | ssh.SFTPNoConnection
        if isinstance(error, ssh.SFTPError) and not isinstance(error, lost):
            return self._told(error, action)
        if isinstance(error, ssh.HostKeyNotVerifiable):
            return _unknown_host(place, error)
        if isinstance(error, ssh.PermissionDenied):
            return _not_let_in(place, error)
        return Unreachable(
            "store-unreachable",
            f"cannot {action}: {place} does not answer",
            context=str(error) or type(error).__name__,
            hint="is the network up, does the sftp command reach it? Running this again is safe",
        )

    def _told(self, error: Exception, action: str) -> DbtoolError:
        """Return the error for what the server says about a file."""
        ssh, place = self._ssh, self._location
        if isinstance(error, ssh.SFTPNoSuchFile | ssh.SFTPNoSuchPath):
            return NotFound("object-missing", f"cannot {action}: it is missing from {place}")
        if isinstance(error, ssh.SFTPNoSpaceOnFilesystem | ssh.SFTPQuotaExceeded):
            return StorageFailed("no-space", f"cannot {action}: no space is left at {place}")
        if isinstance(error, ssh.SFTPPermissionDenied):
            return StorageFailed(
                "permission-denied", f"cannot {action}: the server at {place} does not allow it"
            )
        return StorageFailed("io-error", f"cannot {action} at {place}: {error}")


def _unknown_host(place: str, error: Exception) -> Refused:
    return Refused(
        "host-key-unknown",
        f"the host of {place} is not one that is known",
        context=str(error),
        hint="connect once with ssh, and compare the fingerprint that it shows",
    )


def _not_let_in(place: str, error: Exception) -> StorageFailed:
    return StorageFailed(
        "permission-denied",
        f"the host of {place} lets nobody in with these keys",
        context=str(error),
        hint="keys come from the agent, ~/.ssh and ~/.ssh/config; one with a passphrase has to be "
        "in the agent (ssh-add)",
    )


class _Link:
    """A thread that runs an event loop with one connection in it."""

    def __init__(self, ssh: Any, options: dict[str, Any]) -> None:
        self.loop = asyncio.new_event_loop()
        self._ssh = ssh
        self._options = options
        # Which of them a request meets when the line goes depends on where it waits just then.
        self._lost = (
            ssh.SFTPConnectionLost,
            ssh.SFTPNoConnection,
            ssh.DisconnectError,
            ssh.ChannelOpenError,
            ConnectionError,
        )
        self._connection: Any = None
        self._sftp: Any = None
        self._connecting = asyncio.Lock()
        self._thread = threading.Thread(target=self._run, name="dbtool-sftp", daemon=True)
        self._thread.start()

    async def ask(self, work: Callable[[Any], Coroutine[Any, Any, Result]]) -> Result:
        """Return what `work` comes to; a connection that broke is given up."""
        async with self._connecting:
            sftp = await self._connected()
        try:
            return await work(sftp)
        except self._lost:
            if sftp is self._sftp:  # else another request has connected anew already
                await self._disconnect()
            raise

    def stop(self) -> None:
        """End the connection, the loop and the thread."""
        with suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_LIMIT_S)

    async def _connected(self) -> Any:
        if self._sftp is None:
            self._connection = await self._ssh.connect(
                **self._options,
                connect_timeout=_CONNECT_LIMIT_S,
                keepalive_interval=_KEEP_ALIVE_S,
            )
            self._sftp = await self._connection.start_sftp_client()
        return self._sftp

    async def _disconnect(self) -> None:
        connection, self._connection, self._sftp = self._connection, None, None
        if connection is not None:
            connection.abort()
            with suppress(self._ssh.Error, OSError):
                await connection.wait_closed()

    async def _end(self) -> None:
        await self._disconnect()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()  # names were looked up in it

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.run_until_complete(self._end())
        self.loop.close()
