"""The table of limits, the words, and limits of one's own."""

import math
import runpy
from pathlib import Path

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.judgement import LIMITS, WORDS, Limits, changed_limits, judge, verdict

DOCS = Path(__file__).parents[3] / "docs"
ROW = Limits("figure", 1.0, 2.0, 3.0, 4.0, "what it is", "what to do")


@pytest.mark.parametrize(
    ("value", "word"),
    [(2.0, "good"), (3.0, "good"), (1.0, "moderate"), (3.5, "moderate"), (0.99, "poor"), (4.01, "poor")],
)
def test_words(value, word):
    assert ROW.word(value) == word


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_poor(value):
    assert ROW.word(value) == "poor"


def test_a_reason_says_what_was_found_what_is_expected_and_what_to_do():
    (judgement,) = judge({"figure": 5.0}, [ROW])
    assert judgement.word == "poor"
    assert judgement.reason == "what it is: 5, good 2 to 3, poor below 1 and above 4; what to do"
    assert judge({"figure": 2.5}, [ROW])[0].reason == ""


def test_what_was_not_measured_is_not_judged():
    assert judge({"figure": None}, [ROW]) == []
    assert judge({}, [ROW]) == []


def test_the_verdict_is_the_worst_and_says_the_worst_first():
    figures = {"flagged_fraction": 0.4, "n_sources": 0, "model_found_fraction": 1.0}
    judgements = judge(figures)
    assert {j.figure: j.word for j in judgements} == {
        "flagged_fraction": "moderate",
        "n_sources": "poor",
        "model_found_fraction": "good",
    }
    word, reasons = verdict(judgements)
    assert word == "poor"
    assert [reason.partition(":")[0] for reason in reasons] == ["sources found", "data flagged"]
    assert verdict([]) == ("good", [])


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: row.figure)
def test_every_row_of_the_table_can_give_a_good_and_a_poor(row):
    ends = [end for end in (row.good_from, row.good_to) if math.isfinite(end)]
    assert row.poor_below <= row.good_from <= row.good_to <= row.poor_above
    assert all(row.word(end) == "good" for end in ends)
    bad = [
        end + sign for end, sign in ((row.poor_below, -0.01), (row.poor_above, 0.01)) if math.isfinite(end)
    ]
    assert bad
    assert all(row.word(value) == "poor" for value in bad)
    assert row.meaning
    assert row.remedy


def test_the_table_has_each_figure_once():
    assert len({row.figure for row in LIMITS}) == len(LIMITS)
    assert WORDS == ("good", "moderate", "poor")


def test_limits_of_ones_own():
    rows = {row.figure: row for row in changed_limits("flagged_fraction=::0.4:0.8, n_sources=1:5::")}
    assert rows["flagged_fraction"].word(0.39) == "good"
    assert rows["flagged_fraction"].word(0.81) == "poor"
    assert rows["n_sources"].word(3) == "moderate"
    assert rows["artefact_ratio"] == next(row for row in LIMITS if row.figure == "artefact_ratio")
    assert changed_limits("") == LIMITS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flaged_fraction=::0.4:0.8", "unknown figure 'flaged_fraction'"),
        ("flagged_fraction=0.4", "expected poor_below:good_from:good_to:poor_above"),
        ("flagged_fraction=::0.8:0.4", "in ascending order"),
        ("flagged_fraction=::a:b", "in ascending order"),
        ("flagged_fraction=::nan:1", "in ascending order"),
        ("flagged_fraction", "expected"),
    ],
)
def test_limits_that_make_no_sense(text, message):
    with pytest.raises(ConfigurationError, match=rf"\[quality\] limits: .*{message}"):
        changed_limits(text)


def test_the_page_of_limits_is_up_to_date():
    made = runpy.run_path(str(DOCS / "quality.py"))["quality_text"]()
    assert (DOCS / "quality.md").read_text(encoding="utf-8") == made, "run python docs/quality.py"
