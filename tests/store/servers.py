"""Servers that the tests of stores talk to: on loopback, one of each for a worker, on any port."""

from __future__ import annotations

import base64
import hmac
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

_START_LIMIT_S = 60.0
_MOTO = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: list[str], port: int, **settings: object) -> Iterator[None]:
    """Run a server that will listen on `port`, and end it."""
    process = subprocess.Popen(  # type: ignore[call-overload]
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **settings,
    )
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(30)
        process.stdin.close()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not listen on {port}")


@contextmanager
def moto() -> Iterator[str]:
    """Run an S3 server with conditional writes; give its endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MOTO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        port = process.stdout.readline().strip()
        assert port, "moto did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(30)
        process.stdout.close()


def rclone_program() -> str | None:
    """Return the path of rclone, if it is installed here."""
    return shutil.which(
        "rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )


@contextmanager
def rclone(folder: Path) -> Iterator[str]:
    """Run an S3 server without conditional writes over a folder; give its endpoint."""
    program = rclone_program()
    assert program
    port = free_port()
    command = [
        program,
        "serve",
        "s3",
        str(folder),
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        "accesskey,secretkey",
        "--etag-hash",  # else it hashes the whole object for every range of it
        "",
        "--config",
        os.devnull,
    ]
    with started(command, port):
        yield f"http://127.0.0.1:{port}"


def make_bucket(endpoint: str, bucket: str) -> None:
    """Make a bucket on a server that asks for no signature."""
    request = urllib.request.Request(f"{endpoint}/{bucket}", method="PUT")
    urllib.request.urlopen(request).close()


def azurite_program() -> str | None:
    """Return the path of Azurite's blob server, if it is installed."""
    return shutil.which("azurite-blob", path=os.environ.get("AZURITE_BIN", os.environ["PATH"]))


AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = (  # the well-known key of every Azurite, no secret
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Run Azure's blob emulator; give its endpoint."""
    program = azurite_program()
    assert program
    port = free_port()
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    command += ["--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry"]
    with started(command, port, cwd=folder):
        yield f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"


def make_container(endpoint: str, container: str) -> None:
    """Make a container, if it is not there, with a request signed by the account's key."""
    date = formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:2021-08-06\n"
    resource = f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + headers + resource
    digest = hmac.digest(base64.b64decode(AZURITE_KEY), text.encode(), "sha256")
    signature = base64.b64encode(digest).decode()
    request = urllib.request.Request(
        f"{endpoint}/{container}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": date,
            "x-ms-version": "2021-08-06",
            "Authorization": f"SharedKey {AZURITE_ACCOUNT}:{signature}",
        },
    )
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 409:  # it is there
            raise


def sshd_program() -> str | None:
    """Return the path of OpenSSH's server, if it is installed."""
    return shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


@contextmanager
def sshd(folder: Path) -> Iterator[int]:
    """Run OpenSSH's server; its port. `folder`/home/.ssh holds a key that it lets in, and knows it.

    The server runs as whoever runs the tests, with the files in their real places.
    """
    program = sshd_program()
    assert program
    port = free_port()
    ssh = folder / "home" / ".ssh"
    ssh.mkdir(parents=True, mode=0o700)
    for key in (folder / "host_key", ssh / "id_ed25519"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(command, check=True)
    host_key = (folder / "host_key.pub").read_text()
    (ssh / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "authorized").write_text((ssh / "id_ed25519.pub").read_text())
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nSubsystem sftp internal-sftp\nMaxStartups 100\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with started([program, "-D", "-f", str(folder / "sshd_config")], port):
        yield port
