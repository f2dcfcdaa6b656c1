"""Colours, and names that mean harm."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from dbtool.cli.stats.drawing.palette import STYLE, colour_classes, safe


def test_names_cannot_leave_their_place() -> None:
    assert safe("<script>\"'&\x1b\u202e") == "&lt;script&gt;&quot;&#x27;&amp;\\x1b\\u202e"


def test_what_is_no_character_of_xml_is_written_out() -> None:
    text = safe("a\ufffe\uffff\ud800 \udcffb\x00")
    assert fromstring(f"<a>{text}</a>").text == text == "a\\ufffe\\uffff\\ud800 \\xffb\\x00"


def test_eight_objects_have_colours_of_their_own() -> None:
    found = colour_classes([f"t{number}" for number in range(10)])
    assert len(set(found.values())) == 9
    assert found["t9"] == "other"


def test_both_schemes_define_every_colour() -> None:
    light, dark = STYLE.split("@media", 1)
    for name in ("--c0", "--c7", "--ink", "--page", "--bad"):
        assert f"{name}:#" in light
        assert f"{name}:#" in dark
