"""What the programs that are timed have in common: their options, and one JSON object as their answer.

Time begins when Python and the packages are loaded: what is compared with one another has the same to load.
"""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import click
import luigi.retcodes

stages_option = click.option("--stages", type=int, required=True)
workers_option = click.option("--workers", type=int, required=True)
scheduler_option = click.option("--scheduler", required=True, help="URL of luigid.")
directory_option = click.option("--directory", required=True, help="Where markers are left.")
chains_option = click.option("--chains", type=int, required=True)


def run_luigi(task: str, *arguments: str, workers: int, scheduler: str) -> dict[str, Any]:
    """Run Luigi's command line in this process and tell its time, memory and exit status."""
    argv = [task, *arguments, "--workers", str(workers), "--scheduler-url", scheduler]
    started = time.monotonic()
    status = 0
    try:
        luigi.retcodes.run_with_retcodes(argv)
    except SystemExit as ended:
        status = int(ended.code or 0)
    wall_s = time.monotonic() - started
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {"wall_s": wall_s, "worker_rss_mb": rss_mb, "status": status}


def answer(**figures: Any) -> None:
    """Print the answer."""
    click.echo(json.dumps(figures))
