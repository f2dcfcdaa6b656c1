"""systemd is told, where it listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dbtool.cli.notify import notify


def test_assignments_reach_the_socket_as_one_datagram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        notify("READY=1", "STATUS=two\nlines")
        assert listener.recv(1000) == b"READY=1\nSTATUS=two lines"


@pytest.mark.parametrize("address", ["", "relative", "/nobody/there"])
def test_nobody_listening_is_no_failure(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
