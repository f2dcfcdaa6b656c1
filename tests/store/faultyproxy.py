"""A proxy before an S3 server that lets requests fail in the ways that networks and services do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = ("cut", "lost", "500", "503", "429", "short", "slow")
"""Cut while it is sent; done, but the answer is lost; refused; answered in part; answered late."""


def _nothing(_method: str, _path: str, _headers: Mapping[str, str]) -> bool:
    return False


class FaultyProxy:
    """Passes requests on; those whose number is in `faults` fail."""

    def __init__(self, endpoint: str) -> None:
        self.target = urlsplit(endpoint).netloc
        self.faults: dict[int, str] = {}
        """Number of a request since `reset`, from 0: how it fails."""
        self.all_from: int | None = None
        """Every request from this number on is cut."""
        self.forbidden: Callable[[str, str, Mapping[str, str]], bool] = _nothing
        """Tells of a request (method, path, headers) whether the credentials do not allow it."""
        self.requests: list[tuple[str, str]] = []
        self._guard = threading.Lock()
        self.url = ""

    def reset(self) -> None:
        """Forget all faults, count from 0."""
        with self._guard:
            self.faults = {}
            self.all_from = None
            self.forbidden = _nothing
            self.requests = []

    def next_fault(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        """Count a request; return how it shall fail, or nothing."""
        with self._guard:
            number = len(self.requests)
            self.requests.append((method, path))
            if self.all_from is not None and number >= self.all_from:
                return "cut"
            refused = self.forbidden(method, path, headers)
            return "403" if refused else self.faults.get(number, "")


@contextmanager
def faulty_proxy(endpoint: str) -> Iterator[FaultyProxy]:
    """Run a proxy before `endpoint`."""
    proxy = FaultyProxy(endpoint)

    class Handler(_Handler):
        pass

    Handler.proxy = proxy
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _pass_on(self) -> None:
        fault = self.proxy.next_fault(self.command, self.path, dict(self.headers))
        length = int(self.headers.get("Content-Length", 0))
        if fault == "cut":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if fault.isdigit():
            self._answer(int(fault), [], b"<Error><Code>SlowDown</Code></Error>")
            return
        if fault == "slow":
            time.sleep(0.2)
        status, headers, answer = self._forward(body)
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(status, headers, answer, cut_short=fault == "short")

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.proxy.target)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut_short: bool = False
    ) -> None:
        self.send_response_only(status)
        size = str(len(body))
        for name, value in headers:
            if name.lower() in ("content-length", "transfer-encoding", "connection"):
                size = value if name.lower() == "content-length" else size
            else:
                self.send_header(name, value)
        self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut_short and body else body)
        self.wfile.flush()
        if cut_short:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815
