from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.crypto.secret import Secret, generate_key_file_text, generate_recovery_key
from dbtool.errors import UsageError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "DBTOOL-RECOVERY-"


def test_no_representation_shows_the_value() -> None:
    secret = Secret.parse("swordfish")
    assert "swordfish" not in repr(secret)
    assert "swordfish" not in f"{secret} {[secret]}"


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("swordfish", b"swordfish"),
        ("swordfish\n", b"swordfish"),
        ("swordfish\r\n", b"swordfish"),
        ("swordfish\n\n", b"swordfish\n"),
        (" spaces stay ", b" spaces stay "),
        ("# not a comment", b"# not a comment"),
        ("two\nlines\n", b"two\nlines"),
        ("carriage\r", b"carriage\r"),
        ("caf\u00e9", "caf\u00e9".encode()),
        ("cafe\u0301", "caf\u00e9".encode()),
        ("\udcff", b"\xff"),
        ("my dbtool-key-1: note", b"my dbtool-key-1: note"),
    ],
)
def test_a_password_is_taken_as_typed_but_for_one_newline_at_its_end(
    text: str, password: bytes
) -> None:
    assert Secret.parse(text) == Secret("password", password)


@pytest.mark.parametrize("text", ["", "\n", "\r\n"])
def test_an_empty_password_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        Secret.parse(text)
    assert raised.value.code == "password-empty"


def test_a_generated_key_file_is_recognised_and_random() -> None:
    first, second = generate_key_file_text(), generate_key_file_text()
    assert first.startswith("#")
    secret = Secret.parse(first)
    assert (secret.kind, len(secret.value)) == ("key-file", 32)
    assert base64.b64encode(secret.value).decode() in first
    assert Secret.parse(second) != secret


def test_a_key_file_may_lose_its_comment_and_gain_white_space() -> None:
    text = generate_key_file_text()
    line = text.splitlines()[1]
    for variant in (line, f"\n  {line}  \r\n\n", f"# mine\n# of 2026\n\n{line}"):
        assert Secret.parse(variant) == Secret.parse(text)


@pytest.mark.parametrize(
    "key", ["", "AAAA", "!" * 44, base64.b64encode(bytes(31)).decode(), "A" * 43, "é" * 44]
)
def test_a_damaged_key_file_is_not_taken_for_a_password(key: str) -> None:
    with pytest.raises(UsageError) as raised:
        Secret.parse(f"dbtool-key-1:{key}\n")
    assert raised.value.code == "key-file-malformed"


def test_a_recovery_key_is_nine_groups_of_random_digits() -> None:
    printed, secret = generate_recovery_key()
    assert printed.startswith(PREFIX)
    groups = printed.removeprefix(PREFIX).split("-")
    assert [len(group) for group in groups] == [4] * 9
    assert set("".join(groups)) <= set(ALPHABET)
    assert (secret.kind, len(secret.value)) == ("recovery", 20)
    assert generate_recovery_key()[1] != secret


def test_a_recovery_key_is_read_however_people_type_it() -> None:
    printed, secret = generate_recovery_key()
    digits = printed.removeprefix(PREFIX)
    typed = [
        printed.lower(),
        PREFIX + digits.replace("-", " - "),
        PREFIX + digits.replace("-", ""),
        PREFIX + digits.replace("0", "O").replace("1", "I"),
        PREFIX + digits.replace("0", "o").replace("1", "l"),
        f"\n# in the safe\n  {printed[:30]}\n  {printed[30:]}\n\n",
    ]
    for text in typed:
        assert Secret.parse(text) == secret


@given(st.text(max_size=30))
def test_any_text_is_a_secret_or_a_usage_error(text: str) -> None:
    for variant in (text, f"dbtool-key-1:{text}", PREFIX + text):
        try:
            assert Secret.parse(variant).value
        except UsageError as error:
            assert error.code in {
                "password-empty",
                "key-file-malformed",
                "recovery-key-mistyped",
            }


def test_every_single_typo_is_told_and_its_group_named() -> None:
    printed, _ = generate_recovery_key()
    named = 0
    tried = 0
    for position in range(len(PREFIX), len(printed)):
        if printed[position] == "-":
            continue
        for other in ("0", "Z"):
            if other == printed[position]:
                continue
            tried += 1
            with pytest.raises(UsageError) as raised:
                Secret.parse(printed[:position] + other + printed[position + 1 :])
            assert raised.value.code == "recovery-key-mistyped"
            group = (position - len(PREFIX)) // 5 + 1
            named += f"group {group} of 9" in raised.value.context
    # By chance (0.1 %) another group would fit as well, and then none is named.
    assert named >= tried - 3


def test_swapped_groups_and_swapped_characters_are_told() -> None:
    for _ in range(20):
        printed, secret = generate_recovery_key()
        groups = printed.removeprefix(PREFIX).split("-")
        swapped = [
            [groups[1], groups[0], *groups[2:]],
            [groups[0][1] + groups[0][0] + groups[0][2:], *groups[1:]],
        ]
        for changed in swapped:
            if changed != groups:
                with pytest.raises(UsageError) as raised:
                    Secret.parse(PREFIX + "-".join(changed))
                assert raised.value.code == "recovery-key-mistyped"
        assert Secret.parse(PREFIX + "-".join(groups)) == secret


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda key: key[:-1], "35 characters"),
        (lambda key: key + "0", "37 characters"),
        (lambda key: key[:-1] + "U", "'U'"),
        (lambda key: key[:-1] + "!", "'!'"),
        (lambda _: PREFIX, "0 characters"),
    ],
)
def test_what_cannot_be_a_recovery_key_is_told_apart(change: object, why: str) -> None:
    printed, _ = generate_recovery_key()
    with pytest.raises(UsageError) as raised:
        Secret.parse(change(printed))  # type: ignore[operator]
    assert raised.value.code == "recovery-key-mistyped"
    assert why in raised.value.context


def test_no_message_about_a_recovery_key_repeats_it() -> None:
    printed, _ = generate_recovery_key()
    typo = printed[:-1] + ("0" if printed[-1] != "0" else "1")
    with pytest.raises(UsageError) as raised:
        Secret.parse(typo)
    told = f"{raised.value.message} {raised.value.context} {raised.value.hint}"
    assert not any(group in told for group in typo.removeprefix(PREFIX).split("-"))
