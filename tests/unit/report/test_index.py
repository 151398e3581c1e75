"""The page of all observations."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from sip_luigi.report.index import Entry, entry_of, render_index, script, script_policy, trend_picture

ENTRY = Entry(
    obs_id="L1",
    outcome="full",
    verdict="good",
    made="2026-11-25T10:00:00+00:00",
    observed="2026-11-24T20:00:00",
    subbands_used=8,
    subbands_expected=10,
    n_sources=120,
    rms_jy_beam=1e-3,
    found_fraction=0.9,
    frequency_hz=140e6,
)


def test_an_entry_is_what_quality_says():
    figures = {
        **{"obs_id": "L2", "outcome": "degraded", "verdict": "poor", "made": "2026", "reasons": ["a", "b"]},
        **{"subbands_used": 3, "subbands_expected": 4, "n_sources": 7, "rms_jy_beam": 0.1},
        **{"reference_found_fraction": None, "model_found_fraction": 0.5, "other": 1},
    }
    entry = entry_of(figures, "2025", "data:x")
    assert (entry.obs_id, entry.reasons, entry.found_fraction) == ("L2", ("a", "b"), 0.5)
    assert entry.completeness == 0.75
    assert Entry.from_json(entry.to_json()) == entry


def test_the_newest_comes_first_and_addresses_are_those_given():
    older = replace(ENTRY, obs_id="L0", observed="", made="2020-01-01T00:00:00+00:00", rms_jy_beam=None)
    text = render_index({"jobs/L0/results/": older, "jobs/L1/results/": ENTRY})
    assert text.index("jobs/L1/results/report.html") < text.index("jobs/L0/results/report.html")
    assert text.count("data:image/png") == 1
    assert 'data-value=""' in text, "what was not measured"


def test_an_empty_index():
    text = render_index({})
    assert "No observation has been finished yet" in text
    assert "<img" not in text


def test_an_abandoned_observation_has_no_place_in_the_plot():
    assert trend_picture((replace(ENTRY, rms_jy_beam=None),)) == ""
    assert trend_picture((ENTRY, replace(ENTRY, verdict="poor"))).startswith("data:image/png")


def test_the_policy_is_that_of_the_script_in_the_page():
    (content,) = re.findall(r"<script>(.*?)</script>", render_index({"x/": ENTRY}), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    assert script_policy() == f"'sha256-{digest}'"
    assert content.strip() == script().strip()


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_comes_from_data_is_text(evil):
    text = render_index({"jobs/L1/results/": replace(ENTRY, obs_id=evil, reasons=(evil,), verdict=evil)})
    assert evil not in text
    assert text.count("<script") == 1
