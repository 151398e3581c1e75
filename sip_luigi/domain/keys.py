"""Merkle keys: what a product is made of, as one hash.

A key covers the stage's name and version, its science settings and the keys of its inputs. It follows
from the graph alone: no node is asked. Place, executor, log level and worker never enter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY_LENGTH = 32
"""Hexadecimal digits kept of the SHA-256: 128 bits, beyond any chance of collision."""

LOST = "lost"
"""Stands for the fingerprint of an input that was lost."""


def canonical_json(value: Any) -> str:
    """Render a value so that equal values give equal text, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """Hash of any JSON value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:KEY_LENGTH]


def product_key(stage: str, version: int, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Key of what a stage makes from these settings and inputs.

    Parameters
    ----------
    stage : str
        Name of the stage.
    version : int
        Raised whenever the stage would give another product from the same input.
    settings : mapping
        The science settings, as JSON values.
    inputs : mapping of str to str
        Keys of the inputs by their role.
    """
    return digest({"stage": stage, "version": version, "settings": dict(settings), "inputs": dict(inputs)})


def fingerprint(key: str, inputs: Mapping[str, str]) -> str:
    """What a product was really made of: its key, and which of its inputs were there.

    Two products of one key differ when a subband was lost in one of them. Parameters are the product's
    key and, by role, the fingerprints of the inputs used or :data:`LOST`.
    """
    return digest({"key": key, "inputs": dict(inputs)})
