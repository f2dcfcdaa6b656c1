from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dbtool.errors import NotFound, Refused, StorageFailed, Unreachable, UsageError
from dbtool.store.ssh import FileTaken, SshSession


def session_at(url: str) -> SshSession:
    parts = urlsplit(url)
    return SshSession(url, host=parts.hostname or "", port=parts.port, user=parts.username)


@pytest.fixture
def session(sftp_url: str) -> Iterator[SshSession]:
    made = session_at(sftp_url)
    yield made
    made.close()


@pytest.fixture
def own_home(sshd: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    shutil.copytree(sshd[1], home)
    monkeypatch.setenv("HOME", str(home))
    return home


async def here(sftp: Any) -> str:
    return str(await sftp.realpath("."))


def test_a_session_answers_closes_and_opens_again(session: SshSession) -> None:
    assert session.ask("look", here).startswith("/")
    session.close()
    session.close()
    assert session.ask("look", here).startswith("/")


def test_what_the_server_says_of_a_file_has_its_kind(session: SshSession, tmp_path: Path) -> None:
    async def missing(sftp: Any) -> None:
        await sftp.stat(f"{tmp_path}/none")

    async def taken(sftp: Any) -> None:
        await sftp.mkdir(str(tmp_path))

    with pytest.raises(NotFound) as raised:
        session.ask("read it", missing)
    assert raised.value.code == "object-missing"
    with pytest.raises(FileTaken):
        session.ask("make it", taken)


def test_an_unknown_host_is_refused_before_anything_is_sent(sftp_url: str, own_home: Path) -> None:
    (own_home / ".ssh" / "known_hosts").unlink()
    session = session_at(sftp_url)
    with pytest.raises(Refused) as raised:
        session.ask("look", here)
    assert raised.value.code == "host-key-unknown"
    session.close()


def test_a_host_that_lets_nobody_in_is_named(sftp_url: str, own_home: Path) -> None:
    (own_home / ".ssh" / "id_ed25519").unlink()
    session = session_at(sftp_url)
    with pytest.raises(StorageFailed) as raised:
        session.ask("look", here)
    assert raised.value.code == "permission-denied"
    assert "ssh-add" in raised.value.hint
    session.close()


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    session = session_at("sftp://127.0.0.1:1/x")
    with pytest.raises(Unreachable) as raised:
        session.ask("look", here)
    assert raised.value.code == "store-unreachable"
    session.close()


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(UsageError) as raised:
        session_at("sftp://host/x")
    assert raised.value.code == "extra-missing"
    assert raised.value.hint == "pip install 'dbtool[sftp]'"
