"""Whether a cycle of self-calibration was worth it, and which one the results are taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["accepted", "converged", "rejected", "lost", "not run"]

MAX_SOURCES_LOST = 0.1
"""Fraction of the sources that a cycle may lose without a better noise; what is lost then was real."""


@dataclass(frozen=True)
class CycleFigures:
    """What a cycle is judged by.

    Attributes
    ----------
    rms_jy_beam : float
        Noise of the residual image.
    dynamic_range : float
        Brightest pixel over the noise around it.
    n_sources : int
        Sources found.
    """

    rms_jy_beam: float
    dynamic_range: float
    n_sources: int


@dataclass(frozen=True)
class CycleLimits:
    """When cycles end.

    Attributes
    ----------
    min_improvement : float
        Relative improvement of noise, dynamic range or source count that another cycle has to follow.
    max_worsening : float
        Relative worsening of noise or dynamic range up to which a cycle is still accepted.
    """

    min_improvement: float
    max_worsening: float


@dataclass(frozen=True)
class CycleJudgement:
    """What became of a cycle.

    Attributes
    ----------
    cycle : int
        Its number, from 0.
    state : str
        ``accepted``; ``converged``: the last, because little changed; ``rejected``: it made things worse; ``lost``: it
        has no image or catalogue; ``not run``: an earlier one was the last.
    best : int
        The cycle that the results are taken from, as far as is known.
    goes_on : bool
        Whether another cycle may follow.
    reason : str
        Why, in a sentence.
    figures : CycleFigures or None
        Of the best cycle, to compare the next one with; None where there is no image.
    """

    cycle: int
    state: State
    best: int
    goes_on: bool
    reason: str
    figures: CycleFigures | None

    @property
    def decision(self) -> str:
        """All that the following stages have to know."""
        return "go on" if self.goes_on else f"stop, best cycle {self.best}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CycleJudgement:
        """Read what :meth:`to_json` wrote."""
        fields = {name: value[name] for name in cls.__dataclass_fields__}
        figures = fields["figures"]
        return cls(**{**fields, "figures": CycleFigures(**figures) if figures else None})


def judge_cycle(
    cycle: int, figures: CycleFigures | None, before: CycleJudgement | None, limits: CycleLimits
) -> CycleJudgement:
    """Judge a cycle by the best one before it.

    A cycle is rejected when its noise or its dynamic range is worse by more than ``max_worsening``, or when it lost
    more than :data:`MAX_SOURCES_LOST` of the sources and its noise is not better: the results then come from the
    cycle before, and no other follows, because it would begin with the model of the rejected one. Where little changed,
    the results come from whichever of the two has the lower noise.

    Parameters
    ----------
    cycle : int
        Number of the cycle.
    figures : CycleFigures or None
        None where it has no image or no catalogue.
    before : CycleJudgement or None
        Judgement of the previous cycle, None for the first.
    limits : CycleLimits
        When to end.
    """
    if before and not before.goes_on:
        reason = (
            f"cycle {before.cycle} ended them: {before.reason}"
            if before.state != "not run"
            else before.reason
        )
        return CycleJudgement(cycle, "not run", before.best, False, reason, before.figures)
    if figures is None:
        best, known = (before.best, before.figures) if before else (cycle, None)
        return CycleJudgement(cycle, "lost", best, False, "it has no image or no catalogue", known)
    if before is None or before.figures is None:
        return CycleJudgement(cycle, "accepted", cycle, True, "the first cycle", figures)
    gains = improvements(figures, before.figures)
    said = ", ".join(f"{name} {gain:+.1%}" for name, gain in gains.items())
    if worse := _worse(gains, limits):
        reason = f"{worse} than in cycle {before.best}: rejected ({said})"
        return CycleJudgement(cycle, "rejected", before.best, False, reason, before.figures)
    if max(gains.values()) < limits.min_improvement:
        reason = f"nothing improved by {limits.min_improvement:.1%} or more ({said})"
        kept = (cycle, figures) if gains["noise"] >= 0.0 else (before.best, before.figures)
        return CycleJudgement(cycle, "converged", kept[0], False, reason, kept[1])
    return CycleJudgement(
        cycle, "accepted", cycle, True, f"better than cycle {before.best} ({said})", figures
    )


def improvements(figures: CycleFigures, before: CycleFigures) -> dict[str, float]:
    """Relative improvement of each figure; negative for what is worse."""
    return {
        "noise": 1.0 - figures.rms_jy_beam / before.rms_jy_beam,
        "dynamic range": figures.dynamic_range / before.dynamic_range - 1.0,
        "sources": figures.n_sources / max(1, before.n_sources) - 1.0,
    }


def _worse(gains: Mapping[str, float], limits: CycleLimits) -> str:
    if gains["noise"] < -limits.max_worsening:
        return "more noise"
    if gains["dynamic range"] < -limits.max_worsening:
        return "less dynamic range"
    if gains["sources"] < -MAX_SOURCES_LOST and gains["noise"] < limits.min_improvement:
        return "fewer sources and no better noise"
    return ""
