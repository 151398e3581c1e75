"""Write docs/errors.md from the tree of errors: ``python docs/errors.py``."""

from pathlib import Path

from sip_luigi import pipeline  # noqa: F401 - all errors are known once their modules are loaded
from sip_luigi.cli.scheduler import NOT_RUNNING
from sip_luigi.domain.errors import SipError, error_classes
from sip_luigi.scheduler import state_json  # noqa: F401
from sip_luigi.scheduling import INTERRUPTED
from sip_luigi.settings.load import LUIGI_DEFAULTS

HEAD = """# Exit statuses and errors

Made by `python docs/errors.py`.

Errors speak in one line: what was expected, what was found, where, and what to do. Where a message says more than this
page, follow the message. What was done before an error stays done: the same command goes on where it ended.

## Exit statuses

| status | commands | meaning | what to do |
|---|---|---|---|
"""

STATUSES: dict[int, tuple[str, str, str]] = {
    0: ("all", "the results stand; a degraded outcome is said loudly", "look at the report"),
    1: (
        "`sip cluster check`, `sip db status`, `sip selftest`, `sip demo`",
        "something does not pass",
        "each line printed names one thing and what to do",
    ),
    2: ("`sip`", "wrong arguments", "`sip COMMAND --help`"),
    NOT_RUNNING: (
        "`sip scheduler status`",
        "the scheduler does not run, or does not answer",
        "`sip scheduler start`",
    ),
    10: (
        "`luigi`, `sip scheduler run`",
        "another worker has the task, or a scheduler runs already",
        "wait for the other one; nothing is done twice",
    ),
    20: ("`luigi`", "an input that no stage makes is missing", "see the log; restore it"),
    25: (
        "`luigi`",
        "not run: the scheduler did not grant it",
        "see the visualiser: the task is disabled after failures, or waits for another one",
    ),
    30: (
        "`luigi`, `sip`",
        "failed: a stage, an unreachable node, too few subbands, the database; a degraded outcome or poor verdict with "
        "`--strict`",
        "see below; then the same command again",
    ),
    35: (
        "`luigi`, `sip`",
        "configuration: settings, cluster description, observation, programs, host keys, logins; "
        "nothing was dispatched",
        "correct what the message names",
    ),
    40: (
        "`luigi`",
        "the scheduler could not be reached, or an unexpected error",
        "`sip scheduler start`, or `--local-scheduler`; else see the traceback in `logs/pipeline.log`",
    ),
    INTERRUPTED: (
        "`luigi`",
        "interrupted, by Ctrl-C, SIGTERM or `sip cancel`",
        "the same command goes on where it ended",
    ),
}

ERRORS = """
`luigi` takes the statuses 10 to 40 from `[retcode]` of `luigi.cfg`; these are the defaults.

## Errors

*Again* says whether a stage is tried again by itself, `[cluster] retries` times.

| error | status | again | what it is | what to do |
|---|---|---|---|---|
"""

TAIL = """
## Messages

As they stand in the code, … for what is filled in.

```{error-messages}
```
"""


def errors_text() -> str:
    """The page."""
    used = {int(status) for status in _retcodes()} | {error.exit_code for error in error_classes()}
    if missing := used - set(STATUSES):
        raise ValueError(f"exit statuses that the table does not know: {missing}; add them")
    statuses = [f"| {status} | {' | '.join(said)} |" for status, said in sorted(STATUSES.items())]
    errors = [_line(error) for error in error_classes()]
    return HEAD + "\n".join(statuses) + "\n" + ERRORS + "\n".join(errors) + "\n" + TAIL


def _retcodes() -> list[str]:
    return [value for (section, _), value in LUIGI_DEFAULTS.items() if section == "retcode"]


def _line(error: type[SipError]) -> str:
    depth = "&emsp;" * (len(error.mro()) - len(SipError.mro()))
    what = (error.__doc__ or "").strip().splitlines()[0]
    again = "yes" if error.retryable else "no"
    return f"| {depth}{error.__name__} | {error.exit_code} | {again} | {what} | {error.remedy.replace('``', '`')} |"


if __name__ == "__main__":
    Path(__file__).with_name("errors.md").write_text(errors_text(), encoding="utf-8")
