"""``sip logs``: what the runs and the programs said."""

from __future__ import annotations

from typing import Any

import click

from sip_luigi.cli.common import as_json_option, obs_id_argument, quietly, reported, say, tell_json
from sip_luigi.domain.errors import SipError

LINES = 40
"""Of each log, where several are shown."""


def _stages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from sip_luigi.operation.retry import stage_names  # noqa: PLC0415
    from sip_luigi.tasks.chain import CHAIN  # noqa: PLC0415

    return [name for name in ("pipeline", *stage_names(CHAIN)) if name.startswith(incomplete)]


@click.command()
@obs_id_argument()
@click.argument("stage", default="", shell_complete=_stages)
@click.argument("subband", default="")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added, until interrupted.")
@click.option("--failed", is_flag=True, help="Only logs of what failed or is lost, with the reason.")
@click.option(
    "--lines", "-n", type=click.IntRange(0), help=f"Last lines of each log; 0: all. [default: {LINES}]"
)
@as_json_option
def logs(
    obs_id: str, stage: str, subband: str, follow: bool, failed: bool, lines: int | None, as_json: bool
) -> None:
    """Show logs of OBS_ID: of its runs, or of the jobs of a STAGE, or of one SUBBAND of it.

    STAGE is named as in the logs (preprocess, calibrate, image_band, …) or is a task, such as
    calibrate.SAP000_SB001.cycle0; "" stands for all. What a job prints that no run watches is read from its
    node.
    """
    from sip_luigi.operation.logs import Logs  # noqa: PLC0415 - Luigi takes a while

    with reported(), quietly():
        source = Logs(obs_id)
        found = source.find(stage, subband, failed=failed)
        number = LINES if lines is None else lines
        offsets: dict[str, int] = {}
        entries = []
        for log in found:
            text, offsets[log.task] = source.tail(log, number)
            entries.append(
                {"task": log.task, "path": str(log.path), "node": log.node, "said": log.said, "text": text}
            )
    if as_json:
        tell_json({"obs_id": obs_id, "logs": entries})
        return
    for entry in entries:
        _show(entry, headed=len(entries) > 1 or failed)
    if failed and not entries:
        say("nothing failed")
    if follow:
        _follow(source, offsets, (stage, subband, failed))


def _show(entry: dict[str, Any], *, headed: bool) -> None:
    if headed:
        where = f"{entry['node']}: " if entry["node"] else ""
        say(f"== {entry['task']} == {where}{entry['path']}")
    if entry["said"]:
        say(f"failed: {entry['said']}")
    click.echo(entry["text"], nl=bool(entry["text"]) and not entry["text"].endswith("\n"))


def _follow(source: Any, offsets: dict[str, int], wanted: tuple[str, str, bool]) -> None:
    stage, subband, failed = wanted
    several = bool(stage or subband or failed)

    def find() -> list[Any]:
        try:
            return list(source.find(stage, subband, failed=failed))
        except SipError:
            return []

    def tell(log: Any, text: str) -> None:
        if not several:
            click.echo(text, nl=False)
            return
        for line in text.splitlines():
            click.echo(f"{log.task}: {line}")

    try:
        with reported(), quietly():
            source.follow(find, offsets, tell)
    except KeyboardInterrupt:
        return
