"""Stages of one's own: a file that ``[pipeline] own_stages`` names, with their classes and their lines of the chain."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import luigi
from luigi.task_register import Register

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.tasks.chain import CHAIN, Chain, Need


def chain_with(files: str) -> Chain:
    """The chain, with what the files say over it, role by role.

    Parameters
    ----------
    files : str
        ``[pipeline] own_stages``: paths, separated by spaces or commas; empty: the chain as it is.

    Raises
    ------
    ConfigurationError
        A file that cannot be loaded, a stage that there is not, a name that is taken, a graph that runs in a circle.
    """
    chain = CHAIN
    for name in files.replace(",", " ").split():
        path = Path(name).expanduser().absolute()
        chain = extended(chain, _lines(_load(path), path), path)
    return chain


def extended(chain: Chain, lines: Chain, path: Path) -> Chain:
    """A chain with more lines; of a stage that it has already, the roles that are named are replaced.

    Raises
    ------
    ConfigurationError
        See :func:`chain_with`; ``path`` is where the lines stand.
    """
    order = list(chain)
    for stage, needs in lines.items():
        if stage not in chain:
            # Right after what it takes: lists of stages are in the order of the work.
            taken = [order.index(need.stage) for need in needs.values() if need.stage in order]
            order.insert(max(taken, default=-1) + 1, stage)
    merged = {stage: {**chain.get(stage, {}), **lines.get(stage, {})} for stage in order}
    _require_stages(merged, path)
    _refuse_circles(merged, path)
    return merged


def _refuse_circles(chain: Chain, path: Path) -> None:
    graph = {
        stage: [name for need in needs.values() for name in _before(need)] for stage, needs in chain.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " takes ".join(reversed(error.args[1]))
        raise ConfigurationError(f"{path}: CHAIN runs in a circle: {circle}; break it") from None


def _before(need: Need) -> list[str]:
    # What comes from the previous cycle of self-calibration is no circle.
    return [name for name in (need.at_first if need.cycle == "previous" else need.stage,) if name]


@cache
def _load(path: Path) -> ModuleType:
    """Run a file once: Luigi would take classes that are made a second time for others of the same name."""
    if not path.is_file():
        raise ConfigurationError(
            f"[pipeline] own_stages: {path}: no such file; name a Python file that exists"
        )
    name = f"sip_luigi_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(
            f"[pipeline] own_stages: {path}: expected a Python file, with the ending .py"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"{path}: {type(error).__name__}: {error}; correct the file") from error
    return module


def _lines(module: ModuleType, path: Path) -> Chain:
    lines = getattr(module, "CHAIN", None)
    if not isinstance(lines, Mapping) or not all(isinstance(needs, Mapping) for needs in lines.values()):
        raise ConfigurationError(
            f"{path}: expected a table CHAIN like that of sip_luigi.tasks.chain, found {lines!r}; say in it what "
            "the stage takes and who takes what it makes"
        )
    for name, found in vars(module).items():
        own = (
            isinstance(found, type) and issubclass(found, luigi.Task) and found.__module__ == module.__name__
        )
        if own and name in CHAIN:
            raise ConfigurationError(f"{path}: {name} is a stage of the pipeline; give yours another name")
    return lines


def _require_stages(chain: Chain, path: Path) -> None:
    named = {
        name for needs in chain.values() for need in needs.values() for name in (need.stage, need.at_first)
    }
    missing = sorted({*chain, *named} - {""} - set(Register.task_names()))
    without_line = sorted(named - {""} - set(chain) - set(missing))
    if missing:
        raise ConfigurationError(
            f"{path}: CHAIN names {', '.join(missing)}, and there is no such stage; correct the name"
        )
    if without_line:
        raise ConfigurationError(
            f"{path}: CHAIN has no line for {', '.join(without_line)}; add what it takes"
        )
