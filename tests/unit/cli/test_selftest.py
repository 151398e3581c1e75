import pytest
from click.testing import CliRunner

from sip_luigi.cli.selftest import run_several, selftest
from sip_luigi.domain.errors import ProgramError
from sip_luigi.selftest.comparison import MEDIAN_LIMITS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", "1,two"), "expected numbers, as in 1,2,3, found '1,two'"),
        (("--seeds", "1,"), "expected numbers"),
        (("--seeds", "1,2", "--runs", "2"), "expected --seeds or --runs, found both"),
        (("--runs", "0"), "0 is not in the range"),
    ],
)
def test_refused(arguments, message):
    done = CliRunner().invoke(selftest, arguments)
    assert done.exit_code == 2
    assert message in done.output


GOOD = {name: 1.0 if limit.high >= 1 else limit.low for name, limit in MEDIAN_LIMITS.items()}


def test_several_seeds(capsys):
    ratios = (0.99, 1.03, 1.01)
    figures = run_several(
        (1, 2, 3),
        lambda seed: {"seed": seed, "failures": [], **GOOD, "flux_ratio_median": ratios[seed - 1]},
    )
    assert figures["failures"] == []
    assert figures["medians"]["flux_ratio_median"] == 1.01
    assert [run["flux_ratio_median"] for run in figures["runs"]] == list(ratios)
    shown = capsys.readouterr().out
    assert "seed 2" in shown
    assert "1.03" in shown


def test_a_run_that_ends_with_an_error_is_one_that_failed(capsys):
    def run(seed):
        if seed == 2:
            raise ProgramError("no [luck] today")
        return {"seed": seed, "failures": [], **GOOD}

    figures = run_several((1, 2, 3), run)
    assert figures["failures"][0] == "seed 2: ProgramError: no [luck] today"
    assert "no [luck] today" in capsys.readouterr().out
    assert figures["medians"]["flux_ratio_median"] is None
    assert [run["seed"] for run in figures["runs"]] == [1, 2, 3]
