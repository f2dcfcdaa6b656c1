"""Objects in a bucket of S3, Google Cloud Storage or Azure.

Each object is sent with one request: it is there whole or not at all, and nothing half-sent stays
in the bucket to be paid for. An object that shall be new is created with a condition
(`If-None-Match: *`, or what the cloud has for it), and with a checksum that the store compares.
"""

from __future__ import annotations

import secrets
from shlex import quote

from dbtool.errors import Refused, UsageError
from dbtool.store.bucket import Bucket
from dbtool.store.lease import FOLDER, Rhythm
from dbtool.store.remote import RemoteStore
from dbtool.store.retry import Patience

__all__ = ["ObjectStore"]


class ObjectStore(RemoteStore):
    """A `Store` in a bucket; one instance may serve several threads."""

    def __init__(
        self, location: str, *, patience: Patience | None = None, rhythm: Rhythm | None = None
    ) -> None:
        """Prepare, without asking the network.

        Raises:
            UsageError: `store-location-invalid`, `extra-missing`, `credentials-missing`.
        """
        self._bucket = Bucket(location, patience)
        # Whoever overwrites what shall be new lets in one client at a time.
        super().__init__(
            self._bucket, rhythm=rhythm, one_at_a_time=self._bucket.place.single_writer
        )

    def require_conditions(self) -> None:
        """See that the bucket is there, and that it never overwrites what shall be new.

        Raises:
            UsageError: `store-unconditional`, it overwrites.
            NotFound: `store-not-found`, there is no such bucket.
        """
        if self._bucket.place.single_writer:
            return
        probe = f"{FOLDER}/probe-{secrets.token_hex(8)}"
        try:
            self._bucket.create(probe, b"first")
            self._bucket.create(probe, b"second")
        except Refused:
            self._bucket.remove(probe)
            return
        self._bucket.remove(probe)
        location = f"{self.location}{'&' if '?' in self.location else '?'}single-writer=true"
        raise UsageError(
            "store-unconditional",
            f"{self.location} overwrites objects that shall be new",
            context="it ignores If-None-Match, so two clients could destroy each other's work",
            hint="use a store that has conditional writes, or let in one client at a time:\n"
            f"--repo {quote(location)}",
        )
