"""Which repositories get copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.copies import Destination, destinations, destinations_of
from dbtool.cli.targets import choose, key_owner, repository_only
from dbtool.errors import UsageError

TOML = """
[databases.app]
path = "app.db"
max_backup_age = "1h"
[databases.app.copies.usb]
repository = "usb"
password_file = "usb.key"
[databases.app.copies."off site"]
repository = "s3://bucket/app"
max_backup_age = "2d"
[databases.other]
path = "other.db"
"""


@pytest.fixture
def session() -> Session:
    Path("dbtool.toml").write_text(TOML)
    return Session([])


def names(found: list[Destination]) -> list[str | None]:
    return [one.name for one in found]


def test_the_copies_of_a_database(session: Session) -> None:
    usb, off_site = destinations_of(session, choose(session, "app"))
    assert Path(usb.location) == Path("usb").absolute()
    assert usb.section == "app.copies.usb"
    assert usb.max_backup_age_s == 3600
    assert off_site.location == "s3://bucket/app"
    assert off_site.section == 'app.copies."off site"'
    assert off_site.max_backup_age_s == 2 * 86400
    assert destinations_of(session, choose(session, "other")) == []


def test_one_word_is_a_database_where_it_is_one(session: Session, database: Path) -> None:
    for word in ("app", "app.db"):
        assert names(destinations(session, word, None)[1]) == ["usb", "off site"]
    Path("elsewhere").mkdir()
    with pytest.raises(UsageError, match="several databases"):
        destinations(session, "elsewhere", None)


def test_a_copy_is_known_by_name_and_by_place(session: Session) -> None:
    for word in ("usb", "./usb", str(Path("usb").absolute())):
        assert names(destinations(session, word, "app")[1]) == ["usb"]
    assert names(destinations(session, "s3://bucket/app", "app")[1]) == ["off site"]
    assert destinations(session, "s3://bucket/b", "app")[1] == [Destination("s3://bucket/b")]
    assert destinations(session, "~/b", "app")[1] == [Destination(str(Path("~/b").expanduser()))]


def test_without_copies_there_is_nowhere_to_copy_to(session: Session) -> None:
    with pytest.raises(UsageError) as caught:
        destinations(session, None, "other")
    assert caught.value.code == "no-copies"
    assert "[databases.other.copies.usb]" in caught.value.context


def test_the_key_of_a_copy_counts_wherever_it_is_opened(session: Session) -> None:
    session.given["repo"] = "usb"
    target = repository_only(session, None)
    assert target.name == "app"
    assert key_owner(session, target) == "app.copies.usb"
    assert names(destinations_of(session, target)) == ["off site"]


def test_a_copy_without_a_place_is_named() -> None:
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\n[databases.app.copies.usb]\npassword_file = "k"\n'
    )
    with pytest.raises(UsageError, match=r"copies.usb\] has no repository") as caught:
        destinations(Session([]), None, "app")
    assert caught.value.code == "config-incomplete"
