"""Cubic interpolation as a matrix: whatever is interpolated, at once, by one product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_POINTS = 4


def even_nodes(low: float, high: float, step: float, at_least: int) -> Floats:
    """Place nodes from `low` to `high`, evenly, no farther apart than `step`.

    Returns
    -------
    ndarray
        Shape (n_nodes,), one node only if the two ends are the same.
    """
    if high <= low:
        return np.array([low])
    return np.linspace(low, high, max(at_least, int(np.ceil((high - low) / step)) + 1))


def weights(nodes: Floats, points: Floats) -> Floats:
    """Give the matrix that takes values at the nodes to values at the points.

    Lagrange's polynomial through the four nodes around each point, or through all when there are fewer.

    Parameters
    ----------
    nodes : ndarray
        Rising, shape (n_nodes,).
    points : ndarray
        Shape (n_points,).

    Returns
    -------
    ndarray
        Shape (n_points, n_nodes); each row adds up to 1.
    """
    order = min(_POINTS, len(nodes))
    first = np.clip(np.searchsorted(nodes, points) - order // 2, 0, len(nodes) - order)
    used = first[:, None] + np.arange(order)
    places = nodes[used]
    matrix = np.zeros((len(points), len(nodes)))
    for k in range(order):
        others = np.delete(places, k, axis=1)
        terms = (points[:, None] - others) / (places[:, k, None] - others)
        matrix[np.arange(len(points)), used[:, k]] = terms.prod(axis=1)
    return matrix
