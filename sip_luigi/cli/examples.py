"""An example or two of every command, for its help; a test reads them as the commands would."""

from __future__ import annotations

from collections.abc import Mapping

import click

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "sip": ("sip plan L102085", "sip status L102085 --watch", "sip COMMAND --help"),
    "sip simulate": ("sip simulate /data/raw --obs-id L1001 --subbands 10 --seed 7 --calibrator 3C196",),
    "sip selftest": ("sip selftest --seed 5", "sip selftest --seeds 1,2,3,4,5"),
    "sip demo": ("sip demo --directory demo", "sip demo --directory demo-cluster --cluster"),
    "sip plan": ("sip plan L102085", "sip plan L102085 --commands", "sip plan L102085 --cycles 3 --json"),
    "sip status": ("sip status", "sip status L102085 --watch", "sip status L102085 --json"),
    "sip logs": (
        "sip logs L102085 --follow",
        "sip logs L102085 calibrate SAP000_SB001 -n 0",
        "sip logs L102085 --failed",
    ),
    "sip retry": ("sip retry L102085 --lost", "sip retry L102085 --from calibrate"),
    "sip cancel": ("sip cancel L102085",),
    "sip clean": ("sip clean L102085", "sip clean L102085 --yes", "sip clean L102085 --now --force --yes"),
    "sip completion": ("sip completion bash",),
    "sip cluster": ("sip cluster check",),
    "sip cluster check": ("sip cluster check", "sip cluster check --json"),
    "sip cluster drain": ('sip cluster drain lce019 --reason "new disk"',),
    "sip cluster resume": ("sip cluster resume lce019",),
    "sip scheduler": ("sip scheduler start", "sip scheduler status"),
    "sip scheduler run": ("sip scheduler run",),
    "sip scheduler start": ("sip scheduler start",),
    "sip scheduler stop": ("sip scheduler stop",),
    "sip scheduler status": ("sip scheduler status --json",),
    "sip nightly": ("sip nightly --dry-run", "sip nightly --quiet"),
    "sip sky": ("sip sky history", "sip sky cone --ra 212.8 --dec 52.2 --radius 2"),
    "sip sky cone": ("sip sky cone --ra 212.8 --dec 52.2 --radius 2 --flux-limit 0.5",),
    "sip sky show": ("sip sky show 3C295 --json",),
    "sip sky history": ("sip sky history",),
    "sip sky lightcurve": ("sip sky lightcurve 3C295",),
    "sip sky rollback": ('sip sky rollback 12 --reason "wrong flux scale in L102085"',),
    "sip sky refresh": ("sip sky refresh L102085",),
    "sip sky import": ("sip sky import TGSSADR1_7sigma_catalog.fits --survey TGSS",),
    "sip sky export": (
        "sip sky export --ra 212.8 --dec 52.2 --radius 5 --flux-limit 0.1 --output field.skymodel",
    ),
    "sip runs": ("sip runs", "sip runs --obs-id L102085 --last 5"),
    "sip runs show": ("sip runs show L102085",),
    "sip db": ("sip db status",),
    "sip db status": ("sip db status --json",),
    "sip db upgrade": ("sip db upgrade",),
    "sip db downgrade": ("sip db downgrade 0001",),
}


def show_examples(command: click.Command, path: str) -> None:
    """Put the examples at the end of the help of a command and of all below it."""
    lines = EXAMPLES.get(path, ())
    if lines:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            show_examples(below, f"{path} {name}")
