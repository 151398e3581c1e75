"""Random streams: one for each effect, and one for each subband's noise.

Every stream hangs on the seed and its own name alone, so switching an effect off, or computing the subbands
in another order or process, changes no other effect.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What draws random numbers. The numbers are part of the data: never reuse one."""

    POSITIONS = 0
    FLUXES = 1
    SPECTRA = 2
    DEAD_STATIONS = 3
    GAINS = 4
    IONOSPHERE = 5
    RFI = 6
    NOISE = 7
    BANDPASS = 8
    CLOCK = 9
    SHAPES = 10
    NOISY_STATIONS = 11
    INTERMITTENT_STATIONS = 12
    INTERMITTENT_TIMES = 13
    LEAKAGE = 14
    ATEAM = 15


def generator(seed: int, stream: Stream, index: int = 0, pointing: int = 0) -> np.random.Generator:
    """Give the generator of one stream, for example of the noise of subband `index`.

    What is the same in all pointings of one instrument leaves `pointing` out.
    """
    key = (int(stream), index, pointing) if pointing else (int(stream), index)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
