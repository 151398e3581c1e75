"""``python -m sip_luigi.node COMMAND``: a JSON request on standard input, a JSON answer on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sip_luigi.domain.errors import BadData, SipError
from sip_luigi.node import serve
from sip_luigi.node.serve import EXIT_BAD_DATA, EXIT_FAILED

COMMANDS = {
    "look": "look",
    "find_observations": "observations",
    "start": "job",
    "poll": "job",
    "cancel": "job",
    "jobs": "jobs_there",
    "end_jobs": "jobs_there",
    "read_log": "jobs_there",
    "clear": "clear",
    "check": "check",
    "describe": "describe",
    "copy": "copy",
    "verify_measurementset": "verify",
    "verify_image": "verify",
    "statistics": "statistics",
    "inspect_solutions": "solutions",
    "transfer_solutions": "h5parm",
    "keep_flux_scale": "h5parm",
    "model_agreement": "agreement",
    "finish_images": "images",
    "bright_source": "images",
    "primary_beam": "primary_beam",
    "spectral_cube": "cube",
    "find_sources": "find_sources",
    "summaries": "summaries",
}
"""Every command and the module that holds the function of its name."""


def function(command: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The function behind a command; its module is imported now."""
    module = import_module(f"sip_luigi.node.{COMMANDS[command]}")
    return getattr(module, command)  # type: ignore[no-any-return]


def main(argv: list[str]) -> int:
    """Run one command and return the exit status: 0, 65 for bad data, 70 for anything else.

    ``serve`` answers many, see :mod:`sip_luigi.node.serve`.
    """
    if argv[:1] == ["serve"]:
        serve.main(function)
    # Libraries print to standard output as they please; it is kept for the answer alone.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    status, value = 0, {}
    try:
        value = function(argv[0])(json.load(sys.stdin))
    except BadData as error:
        status, value = EXIT_BAD_DATA, {"error": str(error)}
    except (SipError, OSError, MemoryError) as error:
        status, value = EXIT_FAILED, {"error": f"{type(error).__name__}: {error}"}
    with answer:
        json.dump(value, answer, allow_nan=False)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
