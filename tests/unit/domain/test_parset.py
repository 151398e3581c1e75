from __future__ import annotations

import enum
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sip_luigi.domain.errors import ConfigurationError, ParsetError
from sip_luigi.domain.parset import Parset, render

EXAMPLE = """\
# A parset of DP3
msin = /data1/L1_SB000_uv.MS   # the input

steps=[flag,
   # inner remark
   avg] # tail
empty =
\tmsin.startchan\t=\tnchan/32
msin = /data2/L1_SB001_uv.MS
long = one \\
  two
quoted = 'a = b # c'
"""

keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}(\.[a-z0-9]{1,4}){0,2}", fullmatch=True)
writable = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029")
texts = st.text(writable, max_size=20).filter(lambda text: not {"'", '"'} <= set(text))
scalars = st.one_of(texts, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@pytest.fixture
def parset() -> Parset:
    return Parset.parse(EXAMPLE, "dp3.parset")


def test_reads_values(parset: Parset) -> None:
    assert {key: parset[key] for key in parset} == {
        "msin": "/data2/L1_SB001_uv.MS",
        "steps": "[flag, avg]",
        "empty": "",
        "msin.startchan": "nchan/32",
        "long": "one two",
        "quoted": "a = b # c",
    }
    assert len(parset) == 6


def test_last_of_equal_keys_counts(parset: Parset) -> None:
    assert parset["msin"] == "/data2/L1_SB001_uv.MS"
    assert parset.line("msin") == 9


def test_text_that_is_not_patched_stays(parset: Parset) -> None:
    assert parset.text() == EXAMPLE


def test_continuation_may_begin_after_an_empty_first_line() -> None:
    parset = Parset.parse("a =\n\n  # why\n  [1,\n  2]\nb = 3\n")
    assert (parset["a"], parset["b"], parset.line("b")) == ("[1, 2]", "3", 6)


def test_quoted_continuation_is_joined_without_a_blank() -> None:
    assert Parset.parse("a = [b,\n 'c']").vector("a") == ("b", "c")
    assert Parset.parse("a = x\n 'c'")["a"] == "x'c'"


@pytest.mark.parametrize(
    "text", ["a = b # c", "a=b#c", "a = b # it's", "a = 'b' # = '", " a\t= b\r", "'a' = b", "a = b\\"]
)
def test_comments_blanks_and_carriage_returns_are_no_value(text: str) -> None:
    assert Parset.parse(text)["a"] == "b"


def test_hash_and_equals_in_quotes_belong_to_the_value() -> None:
    assert Parset.parse("a = ['x#1', \"y=2\"]").vector("a") == ("x#1", "y=2")


def test_get_and_contains(parset: Parset) -> None:
    assert "steps" in parset
    assert "stepz" not in parset
    assert parset.get("stepz") is None
    assert parset.get("stepz", "x") == "x"
    assert parset.get("empty", "x") == ""
    assert parset.line("stepz") is None


def test_missing_key_is_named_with_the_nearest(parset: Parset) -> None:
    with pytest.raises(ParsetError, match=r"dp3\.parset: stepz: this key is missing; is 'steps' meant"):
        parset["stepz"]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a = 1\nb = 'x", 2, "unbalanced quote '"),
        ('a = 1\nb = "x', 2, 'unbalanced quote "'),
        ("\n# c\nhello", 3, "expected 'key = value'"),
        ("= 3", 1, "expected one word as key"),
        ("'' = 3", 1, "expected one word as key"),
        ("a b = 3", 1, "expected one word as key"),
        ("a = [1,\nb c = 3", 2, "expected one word as key"),
        ("a = b = c", 1, "a second '='"),
        ("a\x00b = 3", 1, "expected one word as key"),
    ],
)
def test_refuses(text: str, line: int, why: str) -> None:
    with pytest.raises(ParsetError, match=why) as caught:
        Parset.parse(text, "f.parset")
    assert (caught.value.path, caught.value.line) == ("f.parset", line)
    assert isinstance(caught.value, ConfigurationError)


def test_vector_is_expanded_and_refused_with_its_place() -> None:
    parset = Parset.parse("# x\nn = [a1..3]\nm = b1..3\n", "c.parset")
    assert parset.vector("n") == ("a1", "a2", "a3")
    with pytest.raises(ParsetError, match=r"c\.parset:3: m: b1\.\.3"):
        parset.vector("m")


def test_set_patches_in_place_and_keeps_comments(parset: Parset) -> None:
    parset.set("msin", "/data3/x.MS")
    parset.set("empty", 3)
    parset.set("steps", ["count"])
    parset.set("quoted", "plain")
    assert parset.text() == (
        EXAMPLE.replace("/data2/L1_SB001_uv.MS", "/data3/x.MS")
        .replace("empty =", "empty = 3")
        .replace(
            "steps=[flag,\n   # inner remark\n   avg] # tail", "steps=[count]\n   # inner remark\n# tail"
        )
        .replace("'a = b # c'", "plain")
    )


def test_set_does_not_run_into_a_comment() -> None:
    parset = Parset.parse("a =# why\n")
    parset.set("a", "b")
    assert parset.text() == "a = b # why\n"


def test_set_appends_new_keys_at_the_end(parset: Parset) -> None:
    parset.update({"new": True, "other": 0.5})
    assert parset.text() == EXAMPLE + "new = true\nother = 0.5\n"
    assert parset.line("new") is None


def test_appending_to_text_without_a_last_line_break() -> None:
    parset = Parset.parse("a = 1")
    parset.set("b", 2)
    assert parset.text() == "a = 1\nb = 2\n"


def test_remove_takes_every_definition_and_continuation(parset: Parset) -> None:
    parset.remove("msin")
    parset.remove("steps")
    assert "msin" not in parset
    assert parset.text() == (
        "# A parset of DP3\n\n   # inner remark\n# tail\nempty =\n\tmsin.startchan\t=\tnchan/32\n"
        "long = one \\\n  two\nquoted = 'a = b # c'\n"
    )
    with pytest.raises(ParsetError, match="missing"):
        parset.remove("msin")


def test_subset_drops_the_prefix_and_remembers_the_place() -> None:
    parset = Parset.parse("x = 1\nPart0.Name = [a,\n b]\nPart0.Size = 2..3\nPart0. = 4\n", "g.gvds")
    subset = parset.subset("Part0.")
    assert {key: subset[key] for key in subset} == {"Name": "[a, b]", "Size": "2..3"}
    assert subset.line("Size") == 4
    with pytest.raises(ParsetError, match=r"g\.gvds:4: Part0\.Size: 2\.\.3"):
        subset.vector("Size")
    subset.set("Name", "c")
    assert parset["Part0.Name"] == "[a, b]"


def test_error_names_file_line_and_key(parset: Parset) -> None:
    assert str(parset.error("no good", "steps")) == "dp3.parset:4: steps: no good"
    assert str(parset.error("no good")) == "dp3.parset: no good"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (False, "false"),
        (np.bool_(True), "true"),
        (3, "3"),
        (np.int32(3), "3"),
        (0.1, "0.1"),
        (np.float64(0.1), "0.1"),
        (1e-5, "1e-05"),
        ("a b", "a b"),
        ("", ""),
        (" a", "' a'"),
        ("a=b", "'a=b'"),
        ("a#b", "'a#b'"),
        ("it's", '"it\'s"'),
        ("a\\", "'a\\'"),
        ("'a'", "\"'a'\""),
        ("[1,2]", "[1,2]"),
        (PurePosixPath("/a b"), "/a b"),
        ([], "[]"),
        (("a", 1, 0.5, True), "[a,1,0.5,true]"),
        ([[1, 2], ["x"]], "[[1,2],[x]]"),
        (["a,b", "1..3", "3*a", "", " ", "x]", "a b"], "['a,b','1..3','3*a','',' ','x]',a b]"),
    ],
)
def test_renders(value: object, expected: str) -> None:
    assert render(value) == expected  # type: ignore[arg-type]


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        "a\nb",
        "a\rb",
        "a\x00b",
        "a\u2028b",
        "'\"=",
        ["a\nmsin=x"],
        float("nan"),
        float("inf"),
        None,
        {1: 2},
        b"x",
        Colour.RED,
    ],
)
def test_refuses_to_write(value: object) -> None:
    with pytest.raises(ParsetError):
        render(value)  # type: ignore[arg-type]
    parset = Parset.parse("a = 1\n", "p")
    with pytest.raises(ParsetError, match=r"^p:1: a: "):
        parset.set("a", value)  # type: ignore[arg-type]
    assert parset.text() == "a = 1\n"


@pytest.mark.parametrize("key", ["", "a b", "a=b", "a\nb", "#a", "'a", "[a]"])
def test_refuses_keys_that_would_be_read_otherwise(key: str) -> None:
    with pytest.raises(ParsetError, match="is no key"):
        Parset.from_mapping({key: 1})


def shown(value: object) -> str:
    return value if isinstance(value, str) else render(value)  # type: ignore[arg-type]


@given(st.dictionaries(keys, scalars, max_size=6))
@example({"a": "x\\", "b": "'", "c": "#", "d": "'a' 'b'"})
def test_mapping_round_trip(mapping: dict[str, object]) -> None:
    parset = Parset.parse(Parset.from_mapping(mapping).text())  # type: ignore[arg-type]
    assert {key: parset[key] for key in parset} == {key: shown(value) for key, value in mapping.items()}


@given(st.lists(texts, max_size=5))
@example(["a'b", "'a'", "x1..2", "\\"])
def test_list_round_trip(elements: list[str]) -> None:
    parset = Parset.parse(Parset.from_mapping({"a": elements}).text())
    assert parset.vector("a") == tuple(elements)


@given(st.text(alphabet="ab=#'\"\\ \t\n\r[],.1", max_size=60))
def test_whatever_is_read_is_written_unchanged(text: str) -> None:
    try:
        parset = Parset.parse(text)
    except ParsetError:
        return
    assert parset.text() == text


@given(st.text(alphabet="ab=#'\\ \t\n[],.1", max_size=60), texts)
def test_a_patch_changes_one_value_only(text: str, value: str) -> None:
    try:
        parset = Parset.parse(text)
    except ParsetError:
        return
    before = {key: parset[key] for key in parset}
    for key in before:
        parset.set(key, value)
        after = Parset.parse(parset.text())
        assert {k: after[k] for k in after} == before | {key: value}
        before[key] = value
    parset.set("zz", value)
    assert Parset.parse(parset.text())["zz"] == value


@given(st.text(alphabet="ab=#'\\ \t\n[],.1", max_size=60))
def test_removing_leaves_the_other_keys(text: str) -> None:
    try:
        parset = Parset.parse(text)
    except ParsetError:
        return
    left = {key: parset[key] for key in parset}
    for key in tuple(left):
        parset.remove(key)
        del left[key]
        after = Parset.parse(parset.text())
        assert {k: after[k] for k in after} == left
