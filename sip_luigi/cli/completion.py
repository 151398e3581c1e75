"""``sip completion``: let a shell complete commands, options, observations and stages."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "fish", "zsh")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what SHELL needs to complete the sip command; observations and stages are completed too.

    For bash put into ~/.bashrc: eval "$(sip completion bash)"; for zsh the same into ~/.zshrc; for fish write the
    output to ~/.config/fish/completions/sip.fish.
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(script(context.find_root().command, {}, "sip", "_SIP_COMPLETE").source())
