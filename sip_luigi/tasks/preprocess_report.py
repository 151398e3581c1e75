"""What was decided for the subbands when they were preprocessed, put together for plan and report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sip_luigi.domain.quality import mean
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.preprocess import Preprocess


def decisions(tasks: Iterable[Stage]) -> list[dict[str, Any]]:
    """What Preprocess did, or will do of the subbands that have been described, as :func:`grouped`."""
    found = {}
    for task in tasks:
        if isinstance(task, Preprocess):
            done = task.output().manifest() if task.complete() else None
            vds = task.dependencies["vds"].output().manifest()
            if done and not done.loss:
                found[str(task.subband)] = {name: done.measures[name] for name in ("ateam", "averaging")}
            elif vds and not vds.loss:
                found[str(task.subband)] = {
                    "ateam": task.ateam(vds.measures).as_dict(),
                    "averaging": task.averaging(vds.measures).as_dict(),
                }
    return grouped(dict(sorted(found.items())))


def grouped(measures: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Subbands for which the same was decided, together.

    Parameters
    ----------
    measures : mapping
        By subband what was noted: ``ateam`` and ``averaging``.

    Returns
    -------
    list of dict
        ``subbands``, ``ateam`` (``clip``, ``demix``, ``text``) and ``averaging``.
    """
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for subband, noted in measures.items():
        ateam, averaging = noted["ateam"], noted["averaging"]
        entry = {"subbands": [], "ateam": ateam, "averaging": averaging}
        groups.setdefault((ateam["text"], averaging["reason"]), entry)["subbands"].append(subband)
    return list(groups.values())


def flagged_by_cause(measures: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    """Mean over the subbands of the fraction of the raw data that each cause flagged."""
    causes = [noted["statistics"]["causes"] for noted in measures]
    names = dict.fromkeys(name for entry in causes for name in entry)
    return {name: mean([entry[name] for entry in causes if name in entry]) for name in names}
