import pytest
from click.testing import CliRunner

from sip_luigi.cli.selftest import selftest


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
