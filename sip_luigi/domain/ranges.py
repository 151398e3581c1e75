"""Expansion of LOFAR vector values.

A vector stands in brackets. Inside them a range of numbers is expanded and padded to the width of its
first number, the rightmost range running fastest, and ``N*`` repeats::

    [ lse007..9 ]                        lse007 lse008 lse009
    [ /net/sub1/lse007..9/data1..4 ]     12 paths
    [10..08]                             10 09 08
    [node{01..03}b]                      node01b node02b node03b
    [2*(a1..2;b)]                        a1 a2 b a1 a2 b

What stands in quotes is taken as it is. The observatory's parser leaves a range that it cannot read as it
stands, without a word; here everything that looks like a range and is none is refused. A ``..`` that is a
component of a path is no range.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import NamedTuple

from sip_luigi.domain.errors import ParsetError

MAX_ELEMENTS = 100_000
"""More elements than this are refused: LOFAR has some hundred nodes, a band some thousand channels."""
MAX_CHARACTERS = 10_000_000
"""More text than this in one expanded vector is refused."""
MAX_DEPTH = 20
"""Deeper nesting of brackets and repeats is refused."""

_DIGITS = "0123456789"
_BLANKS = " \t\r\n"
_NOT_BESIDE_A_RANGE = set(_BLANKS + "*();[]")
_CLOSES = {"[": "]", "(": ")", "{": "}"}
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|['\"]")
_STRUCTURE = re.compile(r"[\[\](){},;]")
_REPEAT = re.compile(r"([0-9]+)[ \t\r\n]*\*")


class _Refused(ValueError):
    """A value that cannot be expanded; becomes a ParsetError once its place is known."""


class _Text(NamedTuple):
    """A stretch of the value, and the same stretch with all that is quoted hidden."""

    raw: str
    mask: str

    def cut(self, start: int, stop: int | None = None) -> _Text:
        return _Text(self.raw[start:stop], self.mask[start:stop])

    def strip(self) -> _Text:
        start = len(self.mask) - len(self.mask.lstrip(_BLANKS))
        return self.cut(start, max(start, len(self.mask.rstrip(_BLANKS))))


def expand_vector(
    value: str, *, path: Path | str | None = None, line: int | None = None, key: str | None = None
) -> tuple[str, ...]:
    """Expand the value of a LOFAR vector.

    Parameters
    ----------
    value : str
        ``[ lse007..9 ]``, or one element without brackets.
    path, line, key : optional
        Where the value stands, for messages.

    Returns
    -------
    tuple of str
        The elements, without the quotes around them.

    Raises
    ------
    ParsetError
        Brackets or quotes are unbalanced, an element is empty, something that looks like a range is none
        or stands outside brackets, or there are more than ``MAX_ELEMENTS`` elements.
    """
    try:
        text = _masked(value).strip()
        elements = _vector(text, 0) if _bracketed(text) else _single(text)
    except _Refused as refused:
        raise ParsetError(str(refused), path=path, line=line, key=key) from None
    return tuple(unquote(element) for element in elements)


def unquote(text: str) -> str:
    """Take the quotes off a text that stands in one pair of them as a whole."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]
    return text[1:-1] if quoted else text


def _masked(raw: str) -> _Text:
    def hide(match: re.Match[str]) -> str:
        if len(match[0]) == 1:
            raise _Refused(f"unbalanced quote {match[0]} in {_shown(raw)}")
        return '"' * len(match[0])

    return _Text(raw, _QUOTED.sub(hide, raw))


def _bracketed(text: _Text) -> bool:
    return len(text.mask) > 1 and text.mask[0] == "[" and text.mask[-1] == "]"


def _single(text: _Text) -> list[str]:
    _split(text, "")
    if _REPEAT.match(text.mask) or _find_range(text.mask, 0) >= 0:
        raise _Refused(
            f"{_shown(text.raw)} looks like a range or repeat but stands outside brackets, where it is not "
            f"expanded: write [{_shown(text.raw)}], or put it in quotes if it is meant literally"
        )
    return [text.raw] if text.raw else []


def _vector(text: _Text, depth: int) -> list[str]:
    inner = text.cut(1, -1).strip()
    return _elements(inner, ",", depth) if inner.raw else []


def _elements(text: _Text, separators: str, depth: int) -> list[str]:
    if depth > MAX_DEPTH:
        raise _Refused(f"brackets or repeats nested deeper than {MAX_DEPTH}")
    elements: list[str] = []
    characters = 0
    for part in _split(text, separators):
        added = _element(part.strip(), depth + 1)
        characters += sum(map(len, added))
        _within_limits(len(elements) + len(added), characters)
        elements += added
    return elements


def _element(text: _Text, depth: int) -> list[str]:
    if not text.raw:
        raise _Refused("an element is empty: remove the comma, or write '' for an empty text")
    repeat = _REPEAT.match(text.mask)
    if repeat:
        return _repeated(repeat[1], text.cut(repeat.end()).strip(), depth)
    if _bracketed(text):
        return ["[" + ",".join(_vector(text, depth)) + "]"]
    return _ranges(text)


def _repeated(count: str, text: _Text, depth: int) -> list[str]:
    if text.mask[:1] == "(" and text.mask[-1:] == ")":
        items = _elements(text.cut(1, -1), ",;", depth)
    else:
        items = _elements(text, "", depth)
    times = _number(count)
    _within_limits(len(items) * times, sum(map(len, items)) * times)
    return items * times


def _split(text: _Text, separators: str) -> list[_Text]:
    """Split at separators outside inner brackets; refuses unbalanced brackets."""
    parts, start, closing = [], 0, [""]
    for token in _STRUCTURE.finditer(text.mask):
        if token[0] in _CLOSES:
            closing.append(_CLOSES[token[0]])
        elif token[0] == closing[-1]:
            closing.pop()
        elif token[0] not in ",;":
            raise _Refused(f"unbalanced {token[0]} in {_shown(text.raw)}")
        elif len(closing) == 1 and token[0] in separators:
            parts.append(text.cut(start, token.start()))
            start = token.end()
    if len(closing) > 1:
        raise _Refused(f"a {closing[-1]} is missing in {_shown(text.raw)}")
    return [*parts, text.cut(start)]


def _find_range(mask: str, start: int) -> int:
    """Position of the next ``..`` that is no component of a path; -1 when there is none."""
    at = mask.find("..", start)
    while at >= 0:
        if mask[at - 1 : at] not in ("", "/") or mask[at + 2 : at + 3] not in ("", "/") or mask == "..":
            return at
        at = mask.find("..", at + 2)
    return -1


def _ranges(text: _Text) -> list[str]:
    """Every combination of the ranges in one element, the rightmost running fastest."""
    pieces: list[list[str]] = []
    cursor, count, at = 0, 1, _find_range(text.mask, 0)
    while at >= 0:
        prefix, numbers, cursor = _range(text, cursor, at)
        pieces += [[prefix], numbers]
        count *= len(numbers)
        _within_limits(count, count * len(text.raw))
        if len(pieces) > 2 * MAX_DEPTH:
            raise _Refused(f"{_shown(text.raw)} has more than {MAX_DEPTH} ranges")
        at = _find_range(text.mask, cursor)
    if pieces and _NOT_BESIDE_A_RANGE & set(text.mask[cursor:]):
        raise _no_range(text)
    return ["".join(combination) for combination in itertools.product(*pieces, [text.raw[cursor:]])]


def _range(text: _Text, cursor: int, at: int) -> tuple[str, list[str], int]:
    """Read the range at `at`: what stands before it, its numbers, and where the text goes on."""
    before = text.mask[cursor:at].rstrip(_BLANKS)
    width = len(before) - len(before.rstrip(_DIGITS))
    prefix = text.raw[cursor : cursor + len(before) - width]
    last = _past(text.mask, at + 2, _BLANKS)
    if cursor == 0 and prefix and text.raw.startswith(prefix, last):
        last += len(prefix)
    elif prefix == "-":
        raise _Refused(f"{_shown(text.raw)} runs through zero, which a range cannot: list the numbers")
    end = _past(text.mask, last, _DIGITS)
    if not width or end == last or _NOT_BESIDE_A_RANGE & set(before):
        raise _no_range(text)
    numbers = _numbers(before[-width:], text.raw[last:end])
    if prefix.endswith("{") and text.mask[end : end + 1] == "}":
        return prefix[:-1], numbers, end + 1
    return prefix, numbers, end


def _past(text: str, start: int, characters: str) -> int:
    """Position behind a run of the characters that begins at `start`."""
    while start < len(text) and text[start] in characters:
        start += 1
    return start


def _no_range(text: _Text) -> _Refused:
    return _Refused(
        f"{_shown(text.raw)} looks like a range but is none: expected two numbers that differ in nothing "
        "but the number, such as lse007..9 or lse007..lse009; put it in quotes if it is meant literally"
    )


def _numbers(first: str, last: str) -> list[str]:
    start, stop = _number(first), _number(last)
    step = 1 if stop >= start else -1
    _within_limits(abs(stop - start) + 1, 0)
    return [str(number).zfill(len(first)) for number in range(start, stop + step, step)]


def _number(digits: str) -> int:
    # int() of very long texts is slow, and Python refuses them with a ValueError of its own.
    if len(digits) > 18:
        raise _Refused(f"{_shown(digits)} is too long a number for a range or repeat")
    return int(digits)


def _within_limits(count: int, characters: int) -> None:
    if count > MAX_ELEMENTS or characters > MAX_CHARACTERS:
        raise _Refused(f"more than {MAX_ELEMENTS} elements or {MAX_CHARACTERS} characters when expanded")


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
