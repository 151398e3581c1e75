import pytest

from sip_luigi.domain.quorum import Quorum, widest_gap

QUORUM = Quorum(min_fraction=0.5, max_gap_fraction=0.3)


@pytest.mark.parametrize(
    ("usable", "gap"), [("1111", 0), ("1001", 2), ("0110", 0), ("10100011", 3), ("0000", 0), ("", 0)]
)
def test_widest_gap(usable, gap):
    assert widest_gap([letter == "1" for letter in usable]) == gap


@pytest.mark.parametrize(
    ("usable", "problem"),
    [
        ("1111111111", ""),
        ("1111101111", ""),
        ("1110001111", ""),
        ("1100001111", "gap wider than 30%"),
        ("1010101000", "4 of 10 subbands are left, at least 50%"),
        ("0000000000", "none of 10 subbands"),
    ],
)
def test_quorum(usable, problem):
    found = QUORUM.problem([letter == "1" for letter in usable])
    assert problem in found
    assert bool(found) == bool(problem)
