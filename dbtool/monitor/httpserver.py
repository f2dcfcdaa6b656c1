"""A small HTTP server for Prometheus: /metrics and /healthz, and nothing else.

Bound to loopback unless told otherwise; it reads no path, no body and no header beyond what the
exposition needs. /healthz answers 200 while looks are taken and the databases can be looked at, 503
otherwise; alerts do not count there: they are about the databases, not about the exporter.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from dbtool.errors import StorageFailed, UsageError
from dbtool.monitor.sampler import Sampling

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["Address", "health_of", "parse_address", "serving"]

_LARGEST_PORT: Final = 65535
_IDLE_S: Final = 10.0
_MOST_CLIENTS: Final = 32
_LATE: Final = 3.0
"""Looks are late when the last one is older than so many intervals."""
_TEXT: Final = "text/plain; charset=utf-8"
_ROOT: Final = b"dbtool monitor: see /metrics and /healthz\n"


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address of "9187", ":9187", "127.0.0.1:9187", "[::1]:9187" or "host:9187".

    Without a host it is loopback.

    Raises:
        UsageError: `invalid-value`.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > _LARGEST_PORT:
        raise UsageError(
            "invalid-value",
            f"{text!r} is no address to listen on",
            hint="--serve 127.0.0.1:9187",
        )
    return Address(host, int(port))


def health_of(
    samplings: Mapping[str, Sampling], now: datetime, interval_s: float
) -> tuple[bool, dict[str, Any]]:
    """Return whether the exporter is well, and what it says of each database."""
    databases = {}
    for name, sampling in samplings.items():
        age_s = (now - sampling.at).total_seconds()
        late = age_s > max(_LATE * interval_s, _IDLE_S)
        why = sampling.problem.message if sampling.problem else ""
        databases[name] = {
            "ok": sampling.look is not None and not late,
            "age_seconds": round(max(0.0, age_s), 3),
            "problem": why or ("looks are late" if late else None),
            "alerts": [alert.code for alert in sampling.firing],
        }
    well = bool(databases) and all(found["ok"] for found in databases.values())
    return well, {"ok": well, "databases": databases}


@contextmanager
def serving(
    address: Address, registry: CollectorRegistry, health: Callable[[], tuple[bool, dict[str, Any]]]
) -> Iterator[Address]:
    """Serve in threads while the block runs; give the address, with the port that was chosen.

    Raises:
        StorageFailed: `address-unusable`.
    """
    from prometheus_client import make_wsgi_app

    metrics: Any = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            written: Iterable[bytes] = metrics(environ, start)
            return written
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _plain(start, "405 Method Not Allowed", b"only GET\n")
        if path == "/healthz":
            well, body = health()
            status = "200 OK" if well else "503 Service Unavailable"
            return _plain(start, status, json.dumps(body).encode() + b"\n", "application/json")
        if path == "/":
            return _plain(start, "200 OK", _ROOT)
        return _plain(start, "404 Not Found", b"only /metrics and /healthz\n")

    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    kind = type("Server", (_Server,), {"address_family": family})
    try:
        server = kind((address.host, address.port), _Handler)
    except (OSError, UnicodeError) as error:
        raise StorageFailed(
            "address-unusable",
            f"cannot listen on {address}",
            context=getattr(error, "strerror", None) or str(error),
            hint="name another one: --serve 127.0.0.1:9188",
        ) from error
    server.set_app(answer)
    thread = threading.Thread(target=server.serve_forever, name="dbtool monitor", daemon=True)
    thread.start()
    try:
        yield Address(address.host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _plain(
    start: Callable[..., Any], status: str, body: bytes, kind: str = _TEXT
) -> Iterable[bytes]:
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, *given: Any) -> None:
        self._open: dict[int, socket.socket] = {}
        """Connections by their descriptor, the oldest first."""
        self._opening = threading.Lock()
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; of too many slow clients the oldest makes room for the next."""
        with self._opening:
            if len(self._open) >= _MOST_CLIENTS:
                with suppress(OSError):
                    self._open.pop(next(iter(self._open))).shutdown(socket.SHUT_RDWR)
            self._open[request.fileno()] = request
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._opening:
            self._open.pop(request.fileno(), None)
        super().shutdown_request(request)

    def server_bind(self) -> None:
        """Bind without asking a name server who we are, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "dbtool", self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no matter of ours."""


class _Handler(WSGIRequestHandler):
    timeout = _IDLE_S
    """A client that says nothing keeps a thread no longer."""

    def log_message(self, format: str, *args: Any) -> None:
        """Write no access log."""
