from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain import ranges
from sip_luigi.domain.errors import ParsetError
from sip_luigi.domain.ranges import expand_vector

plain = st.from_regex(r"[A-Za-z0-9_/:+-]{1,8}", fullmatch=True)
literal = st.from_regex(r"[A-Za-z_/]{0,5}", fullmatch=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[ lse007..9 ]", "lse007 lse008 lse009"),
        ("[lse007 .. 09]", "lse007 lse008 lse009"),
        ("[8..10]", "8 9 10"),
        ("[10..08]", "10 09 08"),
        ("[3..1]", "3 2 1"),
        ("[5..5]", "5"),
        ("[098..101]", "098 099 100 101"),
        ("[sub1..3.clusterdesc]", "sub1.clusterdesc sub2.clusterdesc sub3.clusterdesc"),
        ("[node{01..03}b]", "node01b node02b node03b"),
        ("[{1..2}{3..4}]", "13 14 23 24"),
        ("[a{b1..2}]", "a{b1} a{b2}"),
        ("[{1..2x}]", "{1x} {2x}"),
        ("[3*lse001..2]", "lse001 lse002 lse001 lse002 lse001 lse002"),
        ("[2*(a1..2;b)]", "a1 a2 b a1 a2 b"),
        ("[2*(a,b)]", "a b a b"),
        ("[ 2 * a , c ]", "a a c"),
        ("[2*2*a]", "a a a a"),
        ("[2*(2*a;b)]", "a a b a a b"),
        ("[0*a,b]", "b"),
        ("[x3*a]", "x3*a"),
        ("[lii001..lii003]", "lii001 lii002 lii003"),
        ("[0.1..0.3]", "0.1 0.2 0.3"),
        ("[-3..-1]", "-3 -2 -1"),
        ("[a1..2/b1..3]", "a1/b1 a1/b2 a1/b3 a2/b1 a2/b2 a2/b3"),
        ("[/lse001..2:/data1..2]", "/lse001:/data1 /lse001:/data2 /lse002:/data1 /lse002:/data2"),
        ("[../a,b/../c]", "../a b/../c"),
        ("/any", "/any"),
        ("", ""),
        ("[]", ""),
        ("[ \t]", ""),
    ],
)
def test_expands(value: str, expected: str) -> None:
    assert expand_vector(value) == tuple(expected.split())


def test_rightmost_range_runs_fastest_over_twelve_paths() -> None:
    paths = expand_vector("[ /net/sub1/lse007..9/data1..4 ]")
    assert len(paths) == 12
    assert paths[:5] == (*(f"/net/sub1/lse007/data{disk}" for disk in (1, 2, 3, 4)), "/net/sub1/lse008/data1")


def test_width_is_that_of_the_first_number_only() -> None:
    assert expand_vector("[lce0019..27]") == tuple(f"lce{number:04d}" for number in range(19, 28))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("['a1..3', \"b,c\"]", ("a1..3", "b,c")),
        ("['']", ("",)),
        ("['[', 2*'x,y']", ("[", "x,y", "x,y")),
        ("'lse007..9'", ("lse007..9",)),
        ("'3*a'", ("3*a",)),
        ("['a'1..2]", ("'a'1", "'a'2")),
        ('["it\'s"]', ("it's",)),
    ],
)
def test_quoted_text_is_taken_as_it_is(value: str, expected: tuple[str, ...]) -> None:
    assert expand_vector(value) == expected


def test_inner_vectors_stay_vectors() -> None:
    assert expand_vector("[[a1..2,b],2*[c]]") == ("[a1,a2,b]", "[c]", "[c]")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("lse007..9", "outside brackets"),
        ("3*a", "outside brackets"),
        ("..9", "outside brackets"),
        ("[lse007..lfe009]", "looks like a range"),
        ("[lse007..]", "looks like a range"),
        ("[..9]", "looks like a range"),
        ("[..]", "looks like a range"),
        ("[a..b]", "looks like a range"),
        ("[1..4..7]", "looks like a range"),
        ("[1...4]", "looks like a range"),
        ("[a1../b]", "looks like a range"),
        ("[my file1..3]", "looks like a range"),
        ("[1..2 3]", "looks like a range"),
        ("[(a1..3)]", "looks like a range"),
        ("[a'1'..3]", "looks like a range"),
        ("[-1..3]", "through zero"),
        ("[lse007..9", "] is missing"),
        ("[a", "] is missing"),
        ("a]", "unbalanced ]"),
        ("[a],[b]", "unbalanced ]"),
        ("[node{01..03]", "} is missing"),
        ("[a(b]", ") is missing"),
        ("[(]", ") is missing"),
        ("[a,'b]", "unbalanced quote"),
        ("[a,,b]", "element is empty"),
        ("[a,]", "element is empty"),
        ("[2*]", "element is empty"),
        ("[1..1000000000000]", "more than"),
        (f"[1..{ranges.MAX_ELEMENTS + 1}]", "more than"),
        (f"[1..{ranges.MAX_ELEMENTS},a]", "more than"),
        ("[1000*(1000*(1000*a))]", "more than"),
        ("[1..1000x1..1000x1..1000]", "more than"),
        ("[1000000*a]", "more than"),
        (f"[10*{'a' * ranges.MAX_CHARACTERS}]", "more than"),
        ("[" + "9" * 30 + "..1]", "too long a number"),
        ("[" + "9" * 30 + "*a]", "too long a number"),
        ("[" * 50 + "a" + "]" * 50, "nested deeper"),
        ("[" + "1*" * 5000 + "a]", "nested deeper"),
        ("[" + "1..1x" * 5000 + "]", "ranges"),
        ("[" + "(" * 100_000, "missing"),
    ],
)
def test_refuses(value: str, why: str) -> None:
    start = time.process_time()
    with pytest.raises(ParsetError, match=re.escape(why)):
        expand_vector(value)
    assert time.process_time() - start < 2


def test_the_largest_allowed_range_is_expanded() -> None:
    assert len(expand_vector(f"[1..{ranges.MAX_ELEMENTS}]")) == ranges.MAX_ELEMENTS


def test_refusal_names_file_line_and_key() -> None:
    with pytest.raises(ParsetError) as caught:
        expand_vector("lse007..9", path="a.clusterdesc", line=3, key="Storage.Nodes")
    assert str(caught.value).startswith("a.clusterdesc:3: Storage.Nodes: lse007..9")
    assert (caught.value.line, caught.value.key) == (3, "Storage.Nodes")


def test_messages_stay_short_for_long_values() -> None:
    with pytest.raises(ParsetError) as caught:
        expand_vector("[" + "a" * 10_000 + "1..b]")
    assert len(str(caught.value)) < 500


@given(st.lists(plain, max_size=6))
def test_vectors_without_ranges_are_split_only(elements: list[str]) -> None:
    assert expand_vector("[ " + " , ".join(elements) + " ]") == tuple(elements)


@given(literal, st.integers(0, 300), st.integers(0, 300), st.integers(1, 5), literal)
def test_a_range_counts_from_first_to_last(
    before: str, first: int, last: int, width: int, after: str
) -> None:
    found = expand_vector(f"[{before}{first:0{width}d}..{last}{after}]")
    step = 1 if last >= first else -1
    padding = max(width, len(str(first)))
    numbers = [str(number).rjust(padding, "0") for number in range(first, last + step, step)]
    assert list(found) == [before + number + after for number in numbers]


@given(st.text(alphabet="a1[](){},;*.'\" 9/-", max_size=30))
def test_any_text_is_expanded_or_refused(value: str) -> None:
    try:
        found = expand_vector(value)
    except ParsetError:
        return
    assert all(isinstance(element, str) for element in found)
    if not re.search(r"['\"*\[\](){};.]", value):
        assert found == ((value.strip(),) if value.strip() else ())


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="'"), max_size=10), max_size=5))
def test_quotes_keep_any_text(elements: list[str]) -> None:
    assert expand_vector("[" + ",".join(f"'{element}'" for element in elements) + "]") == tuple(elements)
