"""LOFAR parameter sets: ``key = value`` text that is read, patched and written.

What is not patched keeps its text, order, comments and blank lines. As in the observatory's parser a line
without ``=`` continues the value before it, ``#`` outside quotes begins a comment, and the last of several
equal keys counts. That parser takes ``key = a=b`` for two keys; here an ``=`` in a value must be quoted.
"""

from __future__ import annotations

import difflib
import math
import numbers
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from sip_luigi.domain.errors import ParsetError
from sip_luigi.domain.ranges import expand_vector, unquote

Value: TypeAlias = "str | bool | int | float | numbers.Real | os.PathLike[str] | Sequence[Value]"
"""What can be written: numpy scalars count as numbers, sequences become ``[a,b]``."""

_BLANKS = " \t\r"
_KEY = re.compile(r"[^\s=#'\"\[\](){},;\x00-\x1f\x7f]+")
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|[#='\"]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_PLAIN_ELEMENT = re.compile(r"(?!.*\.\.)[\w./:+-]+")


class _Fault(ValueError):
    """Something unreadable in one line; becomes a ParsetError once its place is known."""


@dataclass
class _Line:
    """One line: `head`, `value` and `tail` together are its text."""

    head: str
    value: str = ""
    tail: str = ""
    key: str | None = None
    number: int | None = None


class Parset:
    """A parameter set that remembers its text.

    Make one with :meth:`parse` or :meth:`from_mapping`. ``parset[key]`` is the value without the quotes
    around it; iteration gives every key once, in the order of the text.
    """

    def __init__(self, lines: list[_Line], path: Path | str | None = None, prefix: str = "") -> None:
        self.path = path
        self._lines = lines
        self._prefix = prefix
        self._index: dict[str, int] = {}
        self._reindex()

    @classmethod
    def parse(cls, text: str, path: Path | str | None = None) -> Parset:
        """Read a parset.

        Raises
        ------
        ParsetError
            A line is neither ``key = value`` nor the continuation of one, or a quote is unbalanced.
        """
        lines: list[_Line] = []
        seen_key = False
        for number, raw in enumerate(text.split("\n"), start=1):
            try:
                line = _scan(raw, number)
                seen_key = seen_key or line.key is not None
                if line.value and not seen_key:
                    raise _Fault(f"expected 'key = value', found {_shown(raw)}")
            except _Fault as fault:
                raise ParsetError(str(fault), path=path, line=number) from None
            lines.append(line)
        return cls(lines, path)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Value], path: Path | str | None = None) -> Parset:
        """Make a parset of keys and values, in their order; raises as :meth:`set`."""
        parset = cls([_Line("")], path)
        parset.update(mapping)
        return parset

    def text(self) -> str:
        """Write the parset as text."""
        return "\n".join(line.head + line.value + line.tail for line in self._lines)

    def __getitem__(self, key: str) -> str:
        """Value of a key without the quotes around it; ParsetError when there is none."""
        return unquote(self._raw(key))

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._index))

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"<Parset {self.path or ''} of {len(self)} keys>"

    def get(self, key: str, default: str | None = None) -> str | None:
        """Value of a key, or the default when there is no such key."""
        return default if key not in self._index else self[key]

    def vector(self, key: str) -> tuple[str, ...]:
        """Elements of a vector, ranges expanded; raises as :func:`~sip_luigi.domain.ranges.expand_vector`."""
        return expand_vector(self._raw(key), path=self.path, line=self.line(key), key=self._prefix + key)

    def line(self, key: str) -> int | None:
        """Line on which the value in force was read, from 1; None for a key that was not read."""
        at = self._index.get(key)
        return None if at is None else self._lines[at].number

    def error(self, message: str, key: str | None = None) -> ParsetError:
        """Make an error that names file, line and key, for the caller to raise."""
        full = None if key is None else self._prefix + key
        return ParsetError(message, path=self.path, line=self.line(key or ""), key=full)

    def set(self, key: str, value: Value) -> None:
        """Give a key a value: in its place, comments kept, or at the end when the key is new.

        Parameters
        ----------
        key : str
            One word.
        value : str, bool, number, path or sequence of these
            Rendered as the observatory's parser reads it, in quotes where it must be.

        Raises
        ------
        ParsetError
            The key is no word, or the value cannot be written: line breaks, both kinds of quotes, NaN.
        """
        try:
            rendered = _render(value)
            if not _KEY.fullmatch(key):
                raise _Fault(f"{key!r} is no key: expected one word without quotes, brackets, '=' or '#'")
        except _Fault as fault:
            raise self.error(str(fault), key) from None
        if key in self._index:
            self._patch(self._index[key], rendered)
        else:
            self._append(_Line(f"{key} = ", rendered, "", key))

    def update(self, mapping: Mapping[str, Value]) -> None:
        """Set every key of the mapping; raises as :meth:`set`."""
        for key, value in mapping.items():
            self.set(key, value)

    def remove(self, key: str) -> None:
        """Remove a key wherever it stands, its comment with it; ParsetError when there is none."""
        self._raw(key)
        for at in [at for at, line in enumerate(self._lines) if line.key == key]:
            self._drop_continuation(at)
            self._lines[at] = _Line("", key="")
        self._lines = [line for line in self._lines if line.key != ""]
        self._reindex()

    def subset(self, prefix: str) -> Parset:
        """Take the keys that begin with the prefix, without it; errors still name the whole key."""
        lines: list[_Line] = []
        for key, at in self._index.items():
            if key.startswith(prefix) and key != prefix:
                line = self._lines[at]
                lines.append(replace(line, head=f"{key[len(prefix) :]} = ", value=self._raw(key), tail=""))
                lines[-1].key = key[len(prefix) :]
        return Parset([*lines, _Line("")], self.path, self._prefix + prefix)

    def _raw(self, key: str) -> str:
        """Value as written, continuation lines joined."""
        if key not in self._index:
            near = difflib.get_close_matches(key, self._index, 1)
            raise self.error("this key is missing" + (f"; is {near[0]!r} meant for it?" if near else ""), key)
        at = self._index[key]
        value = self._lines[at].value
        for line in self._continuation(at):
            value += line.value if not value or line.value[:1] in ("'", '"', "") else f" {line.value}"
        return value

    def _continuation(self, at: int) -> Iterator[_Line]:
        for line in self._lines[at + 1 :]:
            if line.key is not None:
                return
            yield line

    def _drop_continuation(self, at: int) -> None:
        """Take the values off the lines that continue the one at `at`; a line left blank goes."""
        continued = [line for line in self._continuation(at) if line.value]
        for line in continued:
            line.head, line.value, line.tail = "", "", line.tail.strip(_BLANKS + "\\")
        gone = {id(line) for line in continued if not line.tail}
        if gone:
            self._lines = [line for line in self._lines if id(line) not in gone]

    def _patch(self, at: int, rendered: str) -> None:
        line = self._lines[at]
        self._drop_continuation(at)
        if rendered and line.head.endswith("=") and not line.value:
            line.head += " "
        if rendered and line.tail.startswith("#"):
            line.tail = f" {line.tail}"
        line.value = rendered
        self._reindex()

    def _append(self, line: _Line) -> None:
        end = self._lines.pop() if self._lines[-1] == _Line("", number=self._lines[-1].number) else _Line("")
        self._index[line.key or ""] = len(self._lines)
        self._lines += [line, end]

    def _reindex(self) -> None:
        self._index = {line.key: at for at, line in enumerate(self._lines) if line.key is not None}


def render(value: Value) -> str:
    """Write a Python value as parset text: ``true``, ``[a,b]``, ``0.1``, quoted where it must be.

    Raises
    ------
    ParsetError
        The value cannot be written so that it is read back: line breaks, both kinds of quotes, NaN or
        infinity, or a type that parsets do not have.
    """
    try:
        return _render(value)
    except _Fault as fault:
        raise ParsetError(str(fault)) from None


def _render(value: Value) -> str:
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + ",".join(_element(element) for element in value) + "]"
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise _Fault(f"cannot write a {type(value).__name__}: expected text, number, true/false or a list")
    return text if _is_plain(text) else _quoted(text)


def _scalar(value: object) -> str | None:
    # numpy's own bool is no Python bool, and the repr of its numbers names their type.
    if type(value).__name__ in ("bool", "bool_"):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise _Fault(f"cannot write {value}: expected a finite number")
        return repr(float(value))
    return None


def _element(value: Value) -> str:
    text = _render(value)
    if not isinstance(value, str | os.PathLike) or _PLAIN_ELEMENT.fullmatch(text):
        return text
    text = os.fspath(value)
    try:
        if expand_vector(f"[{text}]") == (text,) and _is_plain(text):
            return text
    except ParsetError:
        pass
    return _quoted(text)


def _is_plain(text: str) -> bool:
    """Whether the text is read back as it is when it stands there without quotes."""
    tokens = [token[0] for token in _TOKEN.finditer(text)]
    bare = text.strip(_BLANKS) == text and not text.endswith("\\") and unquote(text) == text
    return bare and not _CONTROL.search(text) and not {"#", "=", "'", '"'} & set(tokens)


def _quoted(text: str) -> str:
    if _CONTROL.search(text):
        raise _Fault(f"cannot write {_shown(text)}: a value has no line breaks or control characters")
    for quote in "'\"":
        if quote not in text:
            return quote + text + quote
    raise _Fault(f"cannot write {_shown(text)}: it needs quotes but has both kinds in it")


def _scan(raw: str, number: int) -> _Line:
    equals, end = -1, len(raw)
    for token in _TOKEN.finditer(raw):
        if token[0] == "#":
            end = token.start()
            break
        if token[0] in ("'", '"'):
            raise _Fault(f"unbalanced quote {token[0]} in {_shown(raw)}")
        if token[0] == "=" and equals >= 0:
            raise _Fault(f"a second '=' in {_shown(raw)}: put a value with '=' in quotes")
        equals = token.start() if token[0] == "=" else equals
    value = raw[equals + 1 : end].rstrip(_BLANKS)
    value = value[:-1].rstrip(_BLANKS) if value.endswith("\\") else value
    stop = equals + 1 + len(value)
    start = stop - len(value.lstrip(_BLANKS))
    key = None if equals < 0 else _read_key(raw[:equals])
    return _Line(raw[:start], raw[start:stop], raw[stop:], key, number)


def _read_key(text: str) -> str:
    key = unquote(text.strip(_BLANKS))
    if not _KEY.fullmatch(key):
        raise _Fault(f"expected one word as key before '=', found {_shown(text)}")
    return key


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
