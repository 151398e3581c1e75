"""What an operator has asked to be made afresh: a count that enters the keys of the products."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.execution.lock import locked
from sip_luigi.node.files import write_atomically


def read_again(path: Path) -> dict[str, int]:
    """How often the products of each stage were asked for afresh.

    Raises
    ------
    ConfigurationError
        The file is there and cannot be read: without it all keys would be others.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): int(count) for name, count in values.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path}: expected counts by stage, found something else ({error}); remove the file, and what was asked "
            "for afresh is made once more"
        ) from error


def ask_again(path: Path, stages: Iterable[str]) -> None:
    """Ask for all products of some stages afresh."""
    with locked(path):
        counts = read_again(path)
        counts |= {name: counts.get(name, 0) + 1 for name in stages}
        write_atomically(path, json.dumps(counts, indent=1))
