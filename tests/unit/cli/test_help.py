"""One voice: every command has an example that it would take, and speaks JSON; shells complete it."""

import click
import pytest
from click.shell_completion import ShellComplete

from sip_luigi.cli import main
from sip_luigi.cli.examples import EXAMPLES

SILENT = {"sip simulate", "sip selftest", "sip demo", "sip scheduler run", "sip completion"}
"""Commands that have nothing to tell as JSON, or always do."""


def commands(command=main, path="sip"):
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_examples(path, command):
    assert EXAMPLES[path]
    assert command.help
    for example in EXAMPLES[path]:
        words = words_of(example)
        if "COMMAND" in words:
            continue
        found, context = main, click.Context(main, info_name="sip")
        while isinstance(found, click.Group) and words:
            name, found, words = found.resolve_command(context, words)
            context = found.make_context(name, list(words), parent=context, resilient_parsing=True)
            words = words if not isinstance(found, click.Group) else words_after(found, words)
        assert f"{context.command_path} ".startswith(f"{path} ")


def words_of(example):
    import shlex

    return shlex.split(example)[1:]


def words_after(group, words):
    """Words that name a command of a group, and what follows; its own options do not count."""
    return words if words and words[0] in group.commands else []


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_json(path, command):
    if isinstance(command, click.Group) or path in SILENT:
        return
    assert any("--json" in option.opts for option in command.params), f"{path} has no --json"


def test_examples_are_shown(sip):
    shown = sip("clean", "--help").stdout
    assert "Examples:\n    sip clean L102085\n    sip clean L102085 --yes\n" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(sip, shell):
    done = sip("completion", shell)
    assert done.exit_code == 0
    assert f"_SIP_COMPLETE={shell}_complete" in done.stdout


def test_observations_and_stages_are_completed(sip, here):
    for name in ("L900777", "L900778", "M1"):
        (here.directory / "runtime" / "jobs" / name).mkdir(parents=True)
    sip("status")
    complete = ShellComplete(main, {}, "sip", "_SIP_COMPLETE")
    assert [item.value for item in complete.get_completions(["plan"], "L9")] == ["L900777", "L900778"]
    assert [item.value for item in complete.get_completions(["logs", "M1"], "im")] == [
        "image_subband",
        "image_band",
    ]
