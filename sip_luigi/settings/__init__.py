"""``luigi.cfg`` → frozen, checked objects."""

from __future__ import annotations

from sip_luigi.settings.load import Settings, load_settings

__all__ = ["Settings", "load_settings"]
