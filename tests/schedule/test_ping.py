"""The dead man's switch is told, and its silence is only a sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dbtool.schedule.ping import ping


class Switch(HTTPServer):
    """Remembers what it was told; answers with `answers`, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[tuple[str, str]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}/ping/abc"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Switch)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((self.path, body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def switch() -> Iterator[Switch]:
    server = Switch()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _wait(_: float) -> None:
    """Do not."""


def test_each_event_has_its_path_and_the_summary_as_body(switch: Switch) -> None:
    for event in ("start", "success", "failure"):
        assert ping(switch.url, event, "app.db ok", wait=_wait) == ""
    assert switch.told == [
        ("/ping/abc/start", "app.db ok"),
        ("/ping/abc", "app.db ok"),
        ("/ping/abc/fail", "app.db ok"),
    ]


def test_a_query_stays_behind_the_path(switch: Switch) -> None:
    ping(f"{switch.url}/?token=1", "failure", "", wait=_wait)
    assert switch.told[0][0] == "/ping/abc/fail?token=1"


def test_a_passing_failure_is_tried_again(switch: Switch) -> None:
    switch.answers = [503, 500]
    waits: list[float] = []
    assert ping(switch.url, "success", "", wait=waits.append) == ""
    assert len(switch.told) == 3
    assert waits == [2.0, 4.0]


def test_a_lasting_failure_is_a_sentence_without_the_secret_path(switch: Switch) -> None:
    switch.answers = [404, 404, 404]
    problem = ping(switch.url, "success", "", wait=_wait)
    assert "did not take the success ping: it answered 404" in problem
    assert "abc" not in problem


def test_nobody_there_is_a_sentence() -> None:
    problem = ping("http://127.0.0.1:9/x", "start", "", wait=_wait)
    assert problem.startswith("http://127.0.0.1:9 did not take the start ping: ")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "nonsense", "http://"])
def test_only_http_is_called(url: str) -> None:
    assert "is no http or https address" in ping(url, "start", "", wait=_wait)
