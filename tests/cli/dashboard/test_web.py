"""The dashboard in a browser: who may look, and that it is the dashboard."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import pytest

from dbtool.cli.dashboard.web import parse_address
from dbtool.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8000", ("127.0.0.1", 8000)),
        ("127.0.0.1:81", ("127.0.0.1", 81)),
        ("localhost:81", ("127.0.0.1", 81)),
        ("[::1]:81", ("::1", 81)),
    ],
)
def test_an_address_is_on_loopback(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["0.0.0.0:80", "192.168.0.1:80", "example.com:80", "x", "0", "99999"]
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert caught.value.code == "invalid-value"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(folder: Path, database: Path, port: int) -> Iterator[str]:
    """Serve the dashboard of a database, and give the address that it prints."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    with subprocess.Popen(
        [sys.executable, "-m", "dbtool", "dashboard", f"--web={port}", str(database)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith(f"http://127.0.0.1:{port}/?secret="), process.stderr.read()
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def status(url: str, **headers: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_only_who_has_the_secret_gets_in_and_only_from_here(tmp_path: Path) -> None:
    pytest.importorskip("textual_serve")
    import aiohttp

    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    port = free_port()

    async def drawn(url: str) -> bytes:
        base = url.partition("/?")[0]
        jar = aiohttp.CookieJar(unsafe=True)
        seen = b""
        async with asyncio.timeout(60), aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.get(url) as answer:
                assert answer.status == 200
            async with session.ws_connect(f"{base}/ws?width=100&height=30") as page:
                while b"Health" not in seen:
                    message = await page.receive()
                    if message.type is aiohttp.WSMsgType.BINARY:
                        seen += message.data
        return seen

    with served(tmp_path, path, port) as url:
        assert status(url.partition("?")[0]) == 403
        assert status(f"{url}x") == 403
        assert status(url, Host=f"evil.example:{port}") == 403
        assert status(url, Origin="http://evil.example") == 403
        assert status(url) == 302
        assert b"app.db" in asyncio.run(drawn(url))


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    pytest.importorskip("textual_serve")
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "dbtool", "dashboard", f"--web={port}", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 15
    assert "web-failed" in done.stderr
    assert not done.stdout


def test_a_page_that_writes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch()
    done = subprocess.run(
        [sys.executable, "-m", "dbtool", "dashboard", "--write", "--web", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "exclude each other" in done.stderr
