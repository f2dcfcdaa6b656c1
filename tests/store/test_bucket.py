from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from dbtool.errors import NotFound, Refused, Unreachable
from dbtool.store.bucket import Bucket
from dbtool.store.retry import Patience
from tests.store.faultyproxy import FAULTS, FaultyProxy

QUICK = Patience(attempts=4, attempts_at_first=4, first_s=0.01)
DATA = bytes(range(256)) * 4000


@pytest.fixture
def bucket(proxy: FaultyProxy, cloud_credentials: None) -> Bucket:
    return Bucket(f"s3://bucket/{secrets.token_hex(4)}?endpoint={proxy.url}", QUICK)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_create_comes_through_once_whatever_happens_to_its_first_attempt(
    bucket: Bucket, proxy: FaultyProxy, fault: str
) -> None:
    proxy.faults = {0: fault}
    bucket.create("packs/a", DATA)
    assert bucket.read("packs/a") == DATA
    with pytest.raises(Refused) as raised:
        bucket.create("packs/a", DATA)
    assert raised.value.code == "object-exists"


def test_a_create_whose_answer_got_lost_does_not_take_the_object_of_another_for_its_own(
    bucket: Bucket, proxy: FaultyProxy
) -> None:
    bucket.create("a", b"theirs")
    proxy.reset()
    proxy.faults = {0: "cut"}
    with pytest.raises(Refused):
        bucket.create("a", b"ours")
    assert bucket.read("a") == b"theirs"


@pytest.mark.parametrize("fault", FAULTS)
def test_every_other_request_is_sent_again(bucket: Bucket, proxy: FaultyProxy, fault: str) -> None:
    bucket.create("a/b", DATA)
    for ask in (
        lambda: bucket.read("a/b") == DATA,
        lambda: bucket.read_range("a/b", 100, 5000) == DATA[100:5100],
        lambda: bucket.size("a/b") == len(DATA),
        lambda: list(bucket.listed("a")) == [("a/b", len(DATA))],
        lambda: bucket.overwrite("a/c", b"x") is None and bucket.read("a/c") == b"x",
        lambda: bucket.remove("a/c") is None and list(bucket.listed("a")) == [("a/b", len(DATA))],
    ):
        proxy.reset()
        proxy.faults = {0: fault, 1: fault}
        assert ask()


def test_a_store_that_does_not_answer_any_more_is_unreachable(
    bucket: Bucket, proxy: FaultyProxy
) -> None:
    proxy.all_from = 0
    for ask in (
        lambda: bucket.create("a", b""),
        lambda: bucket.read("a"),
        lambda: list(bucket.listed("")),
        lambda: bucket.remove("a"),
    ):
        with pytest.raises(Unreachable) as raised:
            ask()
        assert raised.value.code == "store-unreachable"
        assert raised.value.exit_code == 14
    proxy.reset()
    with pytest.raises(NotFound):
        bucket.read("a")


def test_a_long_listing_comes_in_pages_and_goes_on_where_it_broke_off(
    bucket: Bucket, proxy: FaultyProxy
) -> None:
    keys = [f"a/{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.overwrite(key, b"x"), keys))
    proxy.reset()
    proxy.faults = {1: "cut"}
    assert [key for key, _ in bucket.listed("a")] == keys
    assert 3 <= len(proxy.requests) <= 4
