"""Station beams from EveryBeam, in a process of its own.

EveryBeam and python-casacore each carry a casacore library, and one process must not load both. Run as::

    python -m sip_luigi.simulation.beam_process <ms> <request.npz> <answer.npz>

The request holds ``times_mjd_s`` (n_times,), ``freqs_hz`` (n_freqs,) and ``directions`` (n_times,
n_directions, 3; ITRF unit vectors, the last one the phase centre). The answer holds ``jones`` (n_times,
n_freqs, n_stations, 2, n_directions, 2): the field of a direction, seen by X and Y of a station.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import everybeam
import numpy as np
import numpy.typing as npt


def station_jones(
    measurement_set: str,
    times_mjd_s: npt.NDArray[np.float64],
    freqs_hz: npt.NDArray[np.float64],
    directions: npt.NDArray[np.float64],
) -> npt.NDArray[np.complex64]:
    """Evaluate the beams of all stations of a MeasurementSet.

    The station and its tiles are steered to the last direction. Not normalised: the response towards the
    phase centre is the one that the element has there.

    Returns
    -------
    ndarray
        Shape (n_times, n_freqs, n_stations, 2, n_directions, 2).
    """
    telescope = everybeam.load_telescope(measurement_set)
    stations = np.arange(telescope.nr_stations, dtype=np.uint64)
    n_times, n_directions = directions.shape[:2]
    shape = (n_times, len(freqs_hz), len(stations), 2, n_directions, 2)
    jones = np.empty(shape, dtype=np.complex64)
    for i in range(n_times):
        centre, time = directions[i, -1], times_mjd_s[i : i + 1]
        for j in range(n_directions):
            answer = telescope.station_response(time, stations, freqs_hz, directions[i, j], centre, centre)
            jones[i, :, :, :, j, :] = answer[0].swapaxes(0, 1)
    return jones


def main(arguments: Sequence[str]) -> int:
    """Answer one request."""
    measurement_set, request, answer = arguments
    with np.load(request) as asked:
        jones = station_jones(measurement_set, asked["times_mjd_s"], asked["freqs_hz"], asked["directions"])
    np.savez(answer, jones=jones)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
