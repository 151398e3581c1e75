from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real LOFAR data, which stay out of the repository."""
    default = Path(__file__).parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("SIP_REAL_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set SIP_REAL_DATA to where they are")
    return folder
