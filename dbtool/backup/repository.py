"""A repository of snapshots: the front door of this package, for programs and the command line.

What it is not: it does not parse URLs (`store.urls`), read pages (`pages.reader`) or know byte
layouts (`format`); it opens the parts and puts them to work in the right order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dbtool.backup import snapshot as snapshots
from dbtool.backup.format import CONFIG_KEY, RepositoryConfig, new_id
from dbtool.backup.lock import shared
from dbtool.backup.model import (
    SAFETY_TAG,
    BackupOptions,
    BackupResult,
    RepositoryReport,
    RestoreOptions,
    RestorePlan,
    RestoreResult,
    Snapshot,
)
from dbtool.backup.pack import PackReader
from dbtool.backup.place import given_secret, make_vacant, read_config
from dbtool.backup.plain import require_never_encrypted
from dbtool.backup.record import RecordBox
from dbtool.backup.run import run_backup
from dbtool.backup.snapshot import Catalog, OnDamaged
from dbtool.backup.tree import PageHasher, SnapshotTree
from dbtool.backup.upkeep import Upkeep
from dbtool.core.clock import Clock, SystemClock
from dbtool.core.progress import Progress, Silent
from dbtool.core.quantities import parse_time
from dbtool.crypto.aead import MasterKey
from dbtool.crypto.digest import page_hasher
from dbtool.crypto.keys import KeyRing
from dbtool.crypto.secret import Secret
from dbtool.errors import Refused, StorageFailed, UsageError
from dbtool.store.base import Store
from dbtool.store.counted import Readable
from dbtool.store.urls import open_store

if TYPE_CHECKING:
    from dbtool.backup.mount import SnapshotConnection
    from dbtool.backup.overwrite import Job

__all__ = ["Repository", "RepositoryInfo"]


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """What a repository is."""

    id: str
    """32 hexadecimal digits."""
    version: int
    encrypted: bool
    created: datetime
    location: str
    compression: int
    """zstd level for new snapshots."""


class Repository(Upkeep):
    """Snapshots of any number of databases in one place."""

    def __init__(
        self,
        store: Store,
        config: RepositoryConfig,
        master: MasterKey,
        *,
        clock: Clock | None = None,
    ) -> None:
        """Use `create` or `open` instead."""
        self.store = store
        self.config = config
        self.master = master
        self.clock = clock or SystemClock()
        self.hash_pages: PageHasher = page_hasher(master.derive("page-hash"))
        self.records = RecordBox(master.sealer("records"), config.id)
        self.catalog = Catalog(
            store, self.records, name_key=master.derive("head-names"), connector=self.connect
        )

    @classmethod
    def create(
        cls,
        location: str | Path | Store,
        *,
        secret: Secret | None = None,
        compression: int = 3,
        clock: Clock | None = None,
    ) -> Self:
        """Make a new repository; encrypted when a secret is given.

        Raises:
            Refused: `repository-exists`, or `folder-not-empty` where snapshots lie without it.
            UsageError: `compression-level`, not 1 to 22.
        """
        if not 1 <= compression <= 22:  # noqa: PLR2004  zstd's own range
            raise UsageError(
                "compression-level", f"compression {compression} is not a zstd level from 1 to 22"
            )
        store = _store(location, create=True)
        clock = clock or SystemClock()
        config = RepositoryConfig(
            id=new_id(),
            created=clock.now().isoformat(),
            encryption="aes-256-gcm" if secret else "none",
            compression=compression,
        )
        master = MasterKey.random() if secret else MasterKey.from_repository_id(config.id)
        with store.lock(exclusive=True):
            make_vacant(store)
            if secret:
                KeyRing(store, config_digest=config.digest(), clock=clock).add(master, secret)
            # Last: until it is there, there is no repository.
            store.put(CONFIG_KEY, config.encode())
            store.sync()
        return cls(store, config, master, clock=clock)

    @classmethod
    def open(
        cls,
        location: str | Path | Store,
        *,
        secret: Callable[[], Secret] | None = None,
        password: str | None = None,
        key_file: Path | None = None,
        expect_encrypted: bool = False,
        clock: Clock | None = None,
    ) -> Self:
        """Open an existing repository.

        Args:
            location: folder, URL, or an open store.
            secret: asked for the secret, and only when the repository is encrypted.
            password: the password itself, instead of `secret`.
            key_file: a file with a password or a key, instead of `secret`.
            expect_encrypted: refuse one that is not encrypted, as `password` and `key_file` do.
            clock: the time; the system's by default.

        Raises:
            NotFound: `repository-not-found`.
            Damaged: `repository-damaged`, `config-altered`.
            UsageError: `repository-too-new`.
            WrongKey: `key-needed`, `wrong-password`, `wrong-key-file`.
        """
        store = _store(location)
        clock = clock or SystemClock()
        config = RepositoryConfig.decode(read_config(store), store.location)
        if config.encryption == "none":
            given = password is not None or key_file is not None
            require_never_encrypted(store, key_given=expect_encrypted or given)
            return cls(store, config, MasterKey.from_repository_id(config.id), clock=clock)
        ring = KeyRing(store, config_digest=config.digest(), clock=clock)
        master, _slot = ring.unlock(given_secret(store, secret, password, key_file))
        return cls(store, config, master, clock=clock)

    @property
    def info(self) -> RepositoryInfo:
        """What this repository is."""
        return RepositoryInfo(
            id=self.config.id.hex(),
            version=self.config.version,
            encrypted=self.config.encryption != "none",
            created=datetime.fromisoformat(self.config.created),
            location=self.store.location,
            compression=self.config.compression,
        )

    @property
    def keys(self) -> KeyRing:
        """The key slots: who can open the repository."""
        return KeyRing(self.store, config_digest=self.config.digest(), clock=self.clock)

    def remove_key(self, slot: str) -> None:
        """Remove a key slot, named by the beginning of its id; never the last one.

        Raises:
            Refused: `last-key-slot`.
            NotFound: `key-slot-not-found`.
            UsageError: `key-slot-ambiguous`.
        """
        with self.store.lock(
            exclusive=True
        ):  # two removals side by side could take the last two slots
            self.keys.remove(slot)

    # -- snapshots

    def backup(
        self,
        database: str | Path | object,
        options: BackupOptions = BackupOptions(),  # noqa: B008  frozen, so sharing one is safe
        *,
        progress: Progress | None = None,
    ) -> BackupResult:
        """Take one snapshot of a database while its users go on working.

        Args:
            database: path of the file, or what `dbtool.open` returned.
            options: see `BackupOptions`.
            progress: told of pages read, in bytes.
        """
        path = Path(getattr(database, "path", database))  # type: ignore[arg-type]
        with shared(self.store):
            result = run_backup(self, path, options, progress or Silent())
        if result.snapshot is None:
            return result
        return replace(result, snapshot=replace(result.snapshot, connector=self.connect))

    def snapshots(
        self, database: str | Path | None = None, *, on_damaged: OnDamaged | None = None
    ) -> list[Snapshot]:
        """Return snapshots, oldest first; of one database (path or name), or of all.

        Args:
            database: path or name; None for all databases.
            on_damaged: told of each snapshot that does not open, which is then left out.

        Raises:
            Damaged: one of them does not open, and there is no `on_damaged`.
        """
        found = self.catalog.all(on_damaged)
        return found if database is None else self.of_database(found, str(database))

    def find(
        self, spec: str, *, database: str | Path | None = None, on_damaged: OnDamaged | None = None
    ) -> Snapshot:
        """Return the snapshot that "latest", "@TIME" or the beginning of an id means.

        An id may name a snapshot of any database; "latest" and "@TIME" look among those of
        `database` that are not safety snapshots. `on_damaged` is told of snapshots that do not open
        and are passed over.

        Raises:
            NotFound: `no-snapshots`, `snapshot-not-found`, `no-snapshot-before`.
            UsageError: `snapshot-ambiguous`, `time-invalid`.
        """
        if spec != "latest" and not spec.startswith("@"):
            return self.catalog.with_marks(self.catalog.find(spec, self._matching_ids(spec)))
        listed = self.snapshots(database, on_damaged=on_damaged)
        # After a restore went wrong, "latest" must not mean what it was about to repair.
        candidates = [snapshot for snapshot in listed if SAFETY_TAG not in snapshot.tags]
        if spec.startswith("@"):
            return snapshots.at_time(_time(spec[1:], self.clock.now()), candidates)
        return self.catalog.find(spec, candidates)

    def _matching_ids(self, prefix: str) -> list[Snapshot]:
        ids = self.catalog.ids()
        matching = [
            self.catalog.summary(found) for found in ids if found.startswith(prefix.lower())
        ]
        return matching or [self.catalog.summary(found) for found in ids[:1]]

    @staticmethod
    def of_database(found: list[Snapshot], database: str) -> list[Snapshot]:
        """Return those of a database, named by its path, its name, or its file's name alone."""
        names = (database, str(Path(database).resolve()))
        exact = [snapshot for snapshot in found if snapshot.database in names]
        if any(SAFETY_TAG not in snapshot.tags for snapshot in exact):
            return exact
        # The folder may have moved, and a restore may have left safety snapshots at the new place
        # since: a file name that only one other database has is as good.
        own = Path(database).name
        others = {each.database for each in found if Path(each.database).name == own} - set(names)
        if len(others) != 1:
            return exact
        return [each for each in found if each.database in others or each.database in names]

    def open_snapshot(self, snapshot: Snapshot, *, reads: Readable | None = None) -> SnapshotTree:
        """Return a snapshot opened for reading its maps and pages; `reads`: through which store."""
        return SnapshotTree(
            snapshot,
            self.catalog.body(snapshot.id),
            PackReader(reads or self.store, self.master, self.config.id),
            hash_pages=self.hash_pages,
        )

    def connect(self, snapshot: Snapshot | str) -> SnapshotConnection:
        """Return a read-only SQLite connection to a snapshot, straight from the repository.

        It fetches and proves the pages that statements read, and no others; a page that does not
        prove makes its statement raise `Damaged`. Until it is closed nothing is removed from the
        repository.

        Args:
            snapshot: a snapshot, or what `find` understands.
        """
        from dbtool.backup.mount import connect_snapshot  # a backup must not pay for loading it

        return connect_snapshot(
            self, self.find(snapshot) if isinstance(snapshot, str) else snapshot
        )

    # -- the way back

    def plan_restore(
        self,
        snapshot: Snapshot | str,
        target: str | Path,
        options: RestoreOptions = RestoreOptions(),  # noqa: B008  frozen
        *,
        progress: Progress | None = None,
    ) -> RestorePlan:
        """Say what a restore would do; write nothing."""
        from dbtool.backup.restore import plan_restore  # a backup must not pay for loading it

        with shared(self.store):
            return plan_restore(self._job(snapshot, target, options, progress))

    def restore(
        self,
        snapshot: Snapshot | str,
        target: str | Path,
        options: RestoreOptions = RestoreOptions(),  # noqa: B008  frozen
        *,
        progress: Progress | None = None,
    ) -> RestoreResult:
        """Bring a snapshot back to `target`, every page proven by its hash.

        Args:
            snapshot: a snapshot, or what `find` understands.
            target: the file to write; `options.mode` says whether it may exist.
            options: see `RestoreOptions`.
            progress: told of pages written, in bytes.
        """
        from dbtool.backup.restore import run_restore  # a backup must not pay for loading it

        with shared(self.store):
            return run_restore(self._job(snapshot, target, options, progress))

    def _job(
        self,
        snapshot: Snapshot | str,
        target: str | Path,
        options: RestoreOptions,
        progress: Progress | None,
    ) -> Job:
        from dbtool.backup.overwrite import Job  # a backup must not pay for loading it

        path = Path(target)
        if isinstance(snapshot, str):
            snapshot = self.find(snapshot, database=path.resolve())
        return Job(self, self.open_snapshot(snapshot), path, options, progress or Silent())

    # -- proof

    def verify(
        self,
        *,
        read_data: float = 0.0,
        database: str | Path | None = None,
        progress: Progress | None = None,
    ) -> RepositoryReport:
        """Check every object's structure, hashes and seals; name what is damaged.

        Args:
            read_data: share of the packs whose data is read and proven, 0 to 1; at 1 without
                findings the snapshots are marked as verified.
            database: only the snapshots of this database (path or name).
            progress: told of packs read, in bytes.
        """
        from dbtool.backup.check import check_repository  # a backup must not pay for loading it

        names = None
        if database is not None:
            listed = self.snapshots(database, on_damaged=lambda _error: None)
            names = {snapshot.database for snapshot in listed} or {str(database)}
        with shared(self.store):
            report, proven = check_repository(
                self, read_data=read_data, names=names, progress=progress or Silent()
            )
        if proven:
            # What lies on read-only media, or may only be added to, can be proven, not marked.
            with suppress(StorageFailed, Refused):
                self.catalog.mark_verified(proven, self.clock.now())
        return report


def _store(location: str | Path | Store, *, create: bool = False) -> Store:
    if isinstance(location, str | Path):
        return open_store(str(location), create=create)
    return location


def _time(text: str, now: datetime) -> datetime:
    try:
        return parse_time(text, now)
    except ValueError as error:
        raise UsageError("time-invalid", str(error)) from error
