"""Write docs/settings.md from the sections of the configuration: ``python docs/settings.py``."""

from pathlib import Path

from sip_luigi.domain.setting import described_fields
from sip_luigi.settings.load import SECTIONS

HEAD = """# Settings

Made by `python docs/settings.py`.
`[DEFAULT] runtime_directory` (default `runtime`) is where `jobs/` lies on the head node.
Settings marked ● decide what a product contains: changing one makes again what depends on it.
"""


def settings_text() -> str:
    """The page."""
    lines = [HEAD]
    for section in SECTIONS:
        lines += [f"## [{section.section}]", "", (section.__doc__ or "").strip(), ""]
        lines += ["| key | default | unit | range | meaning |", "|---|---|---|---|---|"]
        for item, meaning in described_fields(section):
            allowed = ", ".join(meaning.choices) or meaning.range_text()
            mark = "● " if meaning.science else ""
            default = str(item.default).lower() if isinstance(item.default, bool) else item.default
            lines.append(f"| {item.name} | `{default}` | {meaning.unit} | {allowed} | {mark}{meaning.doc} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(settings_text(), encoding="utf-8")
