"""The page of settings says what the code says."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_settings_page_is_up_to_date():
    made = runpy.run_path(str(DOCS / "settings.py"))["settings_text"]()
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == made, "run python docs/settings.py"
