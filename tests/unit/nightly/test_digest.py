"""What is told of a night."""

from sip_luigi.nightly.digest import Digest, Entry, result_text


def night(**groups):
    return Digest("lfe001", "2026-11-25T20:00:00+00:00", "2026-11-25T23:00:00+00:00", **groups)


def test_the_worst_first():
    made = night(
        failed=[Entry("L3", "too few", "data", "attempt 1 of 1", "sip retry L3 --lost && luigi …")],
        degraded=[Entry("L2", "3 of 4", "data", "", "", "/r/L2/report.html")],
        done=[Entry("L1", "good")],
        waiting={"L5": "3 of 4 subbands are there"},
        left=2,
        quarantine={"lce002": "failed in 3"},
        warnings=["lse001:/data is 95% full"],
    )
    assert made.subject == "sip nightly on lfe001: 1 failed, 1 degraded, 1 done"
    assert made.text().splitlines() == [
        "sip nightly on lfe001: 1 failed, 1 degraded, 1 done",
        "2026-11-25T20:00:00+00:00 to 2026-11-25T23:00:00+00:00",
        "",
        "FAILED (1)",
        "  L3: [data] too few",
        "      attempt 1 of 1",
        "      again: sip retry L3 --lost && luigi …",
        "",
        "DEGRADED (1)",
        "  L2: [data] 3 of 4",
        "      report: /r/L2/report.html",
        "",
        "DONE (1)",
        "  L1: good",
        "",
        "LEFT FOR ANOTHER NIGHT: 2 observations",
        "",
        "WAITING FOR DATA",
        "  L5: 3 of 4 subbands are there",
        "",
        "NODES IN QUARANTINE",
        "  lce002: failed in 3",
        "      when mended: sip cluster resume lce002",
        "",
        "WARNINGS",
        "  lse001:/data is 95% full",
    ]


def test_subjects():
    assert night(warnings=["x"]).subject == "sip nightly on lfe001: warnings"
    assert night(refused="no room").subject == "sip nightly on lfe001: the night could not run"
    both = night(refused="no room", done=[Entry("L1", "")])
    assert both.subject == "sip nightly on lfe001: the night could not run, 1 done"


def test_foreign_text_stays_text():
    made = night(failed=[Entry("L1", "a\x1b[31mred\r\n\x00b")])
    assert "\x1b" not in made.text()
    assert "  L1: a?[31mred? ?b" in made.text()


def test_figures_in_a_line():
    figures = {
        "verdict": "good",
        "subbands_used": 3,
        "subbands_expected": 4,
        "n_sources": 12,
        "rms_jy_beam": 0.0123,
    }
    assert result_text(figures) == "good: 3 of 4 subbands, 12 sources, noise 12.3 mJy/beam"
    poor = {
        **figures,
        "verdict": "poor",
        "reasons": ["no image", "noise: 1.69, good 0.93 to 1.25; look"],
        "rms_jy_beam": None,
    }
    assert result_text(poor) == "poor: 3 of 4 subbands, 12 sources, no image, noise: 1.69"
    assert result_text({}) == "?: None of None subbands, None sources"
