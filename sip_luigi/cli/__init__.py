"""The ``sip`` command: what is around the main command."""

from __future__ import annotations

import click

from sip_luigi import __version__
from sip_luigi.cli.cluster import cluster
from sip_luigi.cli.completion import completion
from sip_luigi.cli.database import db
from sip_luigi.cli.examples import show_examples
from sip_luigi.cli.logs import logs
from sip_luigi.cli.nightly import nightly
from sip_luigi.cli.observation import cancel, clean, retry
from sip_luigi.cli.plan import plan
from sip_luigi.cli.runs import runs
from sip_luigi.cli.scheduler import scheduler
from sip_luigi.cli.selftest import demo, selftest
from sip_luigi.cli.simulate import simulate
from sip_luigi.cli.sky import sky
from sip_luigi.cli.status import status


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sip")
def main() -> None:
    """Run everything around the LOFAR Standard Imaging Pipeline.

    The pipeline itself is run by: luigi --module sip_luigi ImagingPipeline --obs-id L102085
    """


COMMANDS = (
    *(simulate, selftest, demo),
    *(plan, status, logs, retry, cancel, clean),
    *(cluster, scheduler, nightly, sky, runs, db, completion),
)
for command in COMMANDS:
    main.add_command(command)
show_examples(main, "sip")
