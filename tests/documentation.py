"""The commands and settings of the documentation, page by page.

A ``bash`` block is run by ``tests/integration/test_documentation.py``, in order. A comment before it says why not
(``<!-- not run: … -->``), or with which status it ends (``<!-- ends with 35 -->``). The commands in all other
blocks, and those in the text, are parsed.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
COMMANDS = ("sip", "luigi", "make", "fab")
_BLOCK = re.compile(
    r"^(?:<!-- (?P<marker>.*?) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S
)
_INLINE = re.compile(rf"`((?:{'|'.join(COMMANDS)}) [^`\n]+)`")
_ENDS = re.compile(r"ends with (\d+)")
_ASSIGNMENT = re.compile(r"\w+=")


@dataclass(frozen=True)
class Block:
    """A block of a page."""

    page: Path
    line: int
    language: str
    marker: str
    text: str

    @property
    def name(self):
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"

    @property
    def is_run(self):
        return self.language == "bash" and not self.marker.startswith("not run: ")

    @property
    def status(self):
        """The exit status that it ends with."""
        found = _ENDS.fullmatch(self.marker)
        return int(found.group(1)) if found else 0

    @property
    def is_configuration(self):
        return self.language == "ini" or re.match(r"\[\w+\]\n", self.text) is not None

    def commands(self):
        """Argument lists of the commands that can be checked."""
        if self.language in ("python", "text", "ini", "toml"):
            return []
        return [argv for line in self.text.replace("\\\n", " ").splitlines() if (argv := command(line))]


def pages():
    """Every page, the first one of the repository among them."""
    return [REPOSITORY / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "api" not in p.parts)]


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start()) + 1, m["language"].strip(), m["marker"] or "", m["text"])
        for m in _BLOCK.finditer(text)
    ]


def mentioned(page):
    """Commands in the text of a page."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [argv for line in _INLINE.findall(text) if (argv := command(line))]


def command(line):
    """Argument list of one of our commands; None of anything else, and of what leaves something out."""
    line = line.strip().removeprefix("$ ")
    if not line or "…" in line.split("#")[0]:
        return None
    try:
        argv = shlex.split(line, comments=True)
    except ValueError:
        return None
    while argv and _ASSIGNMENT.match(argv[0]):
        argv = argv[1:]
    return argv if argv and Path(argv[0]).name in COMMANDS and "|" not in argv[:2] else None
