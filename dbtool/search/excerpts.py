"""Excerpts of the values that match, with the places of the matches in them.

Found with the tokens of the index, so that what is highlighted is what was found, whatever its
case, accents or script. FTS5's own snippet() cannot be used: the index keeps no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from dbtool.search.model import Excerpt, Value
from dbtool.search.text import Token, tokens

__all__ = ["Finder", "Span", "Term", "excerpts_of", "plain_finder", "word_finder"]

Span = tuple[int, int]
Finder = Callable[[str, str], list[Span]]
"""(column, text) -> begin and end of each match, in order, not overlapping."""

_WIDTH: Final = 160
"""Characters of an excerpt, about two lines."""
_LEAD: Final = 40
"""Of these, at most so many before the first match."""
_MOST_EXCERPTS: Final = 3
_CHUNK: Final = 65_536
"""Characters of a long value that are looked at in one step."""
_MOST_SPANS: Final = 50
_BLANKS: Final = re.compile(r"\s+")
_EDGE: Final = 12


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase to highlight."""

    words: tuple[str, ...]
    """As tokens of the index."""
    prefix: bool
    columns: frozenset[str] | None
    """None: in any column."""


def word_finder(terms: Sequence[Term]) -> Finder:
    """Return what finds words and phrases."""
    plain = [(term, _in_ascii(term)) for term in terms if term.words]

    def find(column: str, text: str) -> list[Span]:
        wanted = [pair for pair in plain if pair[0].columns is None or column in pair[0].columns]
        if not wanted:
            return []
        if text.isascii():
            lower = text.lower()
            return _apart(
                [
                    found.span()
                    for _, pattern in wanted
                    for found in islice(pattern.finditer(lower), _MOST_SPANS)
                ]
            )
        for start in range(0, len(text), _CHUNK):
            found = _in_tokens(tokens(text[start : start + _CHUNK]), [term for term, _ in wanted])
            if found:
                return [(begin + start, end + start) for begin, end in found]
        return []

    return find


def _in_ascii(term: Term) -> re.Pattern[str]:
    """Return what finds a term in ASCII text in lower case, where letters and digits make words."""
    words = "[^a-z0-9]+".join(map(re.escape, term.words))
    rest = "[a-z0-9]*" if term.prefix else "(?![a-z0-9])"
    return re.compile(f"(?<![a-z0-9]){words}{rest}")


def plain_finder(needles: Sequence[str]) -> Finder:
    """Return what finds characters, whatever their case."""
    pattern = re.compile(
        "|".join(re.escape(needle) for needle in needles) or r"(?!)", re.IGNORECASE
    )

    def find(_column: str, text: str) -> list[Span]:
        found = []
        for match in pattern.finditer(text):
            found.append(match.span())
            if len(found) == _MOST_SPANS:
                break
        return [span for span in found if span[0] < span[1]]

    return find


def excerpts_of(values: Sequence[tuple[str, Value]], find: Finder) -> tuple[Excerpt, ...]:
    """Return excerpts of the values that match, the one of which most matches first.

    Where nothing matches, because only conditions were asked for, the first values are shown.
    """
    found: list[tuple[int, int, Excerpt]] = []
    for place, (column, value) in enumerate(values):
        if value is None or isinstance(value, bytes):
            continue
        text = str(value)
        spans = find(column, text)
        if spans:
            matched = sum(end - begin for begin, end in spans)
            found.append((-matched, place, _excerpt(column, text, spans)))
    if found:
        found.sort(key=lambda entry: entry[:2])
        return tuple(entry[2] for entry in found[:_MOST_EXCERPTS])
    shown = [
        _excerpt(column, str(value), [])
        for column, value in values
        if not isinstance(value, bytes) and value not in (None, "")
    ]
    return tuple(shown[:_MOST_EXCERPTS])


def _in_tokens(found: list[Token], terms: Sequence[Term]) -> list[Span]:
    at: dict[str, list[int]] = {}
    for index, token in enumerate(found):
        at.setdefault(token.word, []).append(index)
    spans: list[Span] = []
    for term in terms:
        if not term.words:
            continue
        last = len(term.words) - 1
        first_is_prefix = term.prefix and not last
        starts = (
            [i for word, places in at.items() if word.startswith(term.words[0]) for i in places]
            if first_is_prefix
            else at.get(term.words[0], [])
        )
        spans += [
            (found[start].start, found[start + last].end)
            for start in sorted(starts)
            if _goes_on(found, start, term)
        ]
    return _apart(spans)


def _goes_on(found: list[Token], start: int, term: Term) -> bool:
    last = len(term.words) - 1
    if start + last >= len(found):
        return False
    for offset, word in enumerate(term.words):
        token = found[start + offset].word
        fits = token.startswith(word) if term.prefix and offset == last else token == word
        if not fits:
            return False
    return True


def _apart(spans: list[Span]) -> list[Span]:
    """Unite what overlaps."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found[:_MOST_SPANS]


def _excerpt(column: str, text: str, spans: list[Span]) -> Excerpt:
    begin, end = _window(text, spans)
    inside = [(max(b, begin), min(e, end)) for b, e in spans if b < end and e > begin]
    shown, moved = _one_line(text, begin, end, inside)
    return Excerpt(column, shown, tuple(moved), before=begin > 0, after=end < len(text))


def _window(text: str, spans: list[Span]) -> Span:
    """Return the part of a text to show: most matches, not cut within words where that is near."""
    if len(text) <= _WIDTH:
        return 0, len(text)
    best = max(range(len(spans)), key=lambda i: _held(spans, i), default=None)
    first = spans[best][0] if best is not None else 0
    begin = max(0, min(first - _LEAD, len(text) - _WIDTH))
    end = min(
        len(text),
        max(begin + _WIDTH, min(spans[best][1], first + 4 * _WIDTH) if best is not None else 0),
    )
    if begin:
        blank = text.find(" ", begin, min(begin + _EDGE, first))
        begin = blank + 1 if blank >= 0 else begin
    if end < len(text):
        blank = text.rfind(" ", end - _EDGE, end)
        end = blank if blank > begin else end
    return begin, end


def _held(spans: list[Span], index: int) -> int:
    """Return how many matches an excerpt holds that begins around one of them."""
    limit = spans[index][0] + _WIDTH - _LEAD
    return sum(1 for begin, end in spans[index:] if end <= limit and begin >= spans[index][0])


def _one_line(text: str, begin: int, end: int, spans: list[Span]) -> tuple[str, list[Span]]:
    """Return a part of a text with its white space as single blanks, and the spans in it."""
    edges = sorted({begin, end, *(edge for span in spans for edge in span)})
    moved: dict[int, int] = {edges[0]: 0}
    shown = ""
    for low, high in pairwise(edges):
        piece = _BLANKS.sub(" ", text[low:high])
        shown += (
            piece[1:] if piece.startswith(" ") and (not shown or shown.endswith(" ")) else piece
        )
        moved[high] = len(shown)
    found = []
    for low, high in spans:
        first, last = moved[low], moved[high]
        while first < last and shown[first] == " ":
            first += 1
        found.append((first, last))
    return shown.rstrip() if not spans else shown, found
