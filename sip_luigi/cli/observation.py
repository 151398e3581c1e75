"""``sip retry``: commands about one observation."""

from __future__ import annotations

import click

from sip_luigi.cli.common import reported


@click.command()
@click.argument("obs_id")
@click.option("--lost", is_flag=True, required=True, help="Try again what was recorded as lost.")
def retry(obs_id: str, lost: bool) -> None:
    """Strike the recorded losses of OBS_ID, so that the next run tries them again."""
    from sip_luigi import pipeline  # noqa: F401, PLC0415 - Luigi takes a while
    from sip_luigi.tasks.context import open_context  # noqa: PLC0415

    with reported():
        losses = open_context(obs_id).losses
        names = sorted(losses.lost())
        for name in names:
            losses.remove(name)
    for name in names:
        click.echo(f"struck: {name}")
    click.echo(f"now run: luigi --module sip_luigi ImagingPipeline --obs-id {obs_id}")
