"""Commands, options and settings that the documentation names exist."""

import configparser
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest
from conftest import BIN
from documentation import REPOSITORY, blocks, command, mentioned, pages
from luigi.cmdline_parser import CmdlineParser

from sip_luigi import pipeline  # noqa: F401 - Luigi then knows the main command
from sip_luigi.cli import main
from sip_luigi.domain.setting import described_fields
from sip_luigi.settings.load import DEFAULT_KEYS, LUIGI_SECTIONS, SECTIONS

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))


@PAGES
def test_commands(page, configured):
    found = [argv for block in blocks(page) for argv in block.commands()] + mentioned(page)
    wrong = [f"{' '.join(argv)}: {fault}" for argv in found if (fault := fault_of(argv))]
    assert wrong == []


@PAGES
def test_settings(page):
    known = {section.section: {item.name for item, _ in described_fields(section)} for section in SECTIONS}
    for block in blocks(page):
        if not block.is_configuration:
            continue
        parser = configparser.RawConfigParser(default_section="")
        parser.read_string(block.text)
        for section in parser.sections():
            keys = set(parser[section])
            if section == "DEFAULT":
                assert keys <= set(DEFAULT_KEYS), block.name
            elif section not in LUIGI_SECTIONS:
                assert section in known, f"{block.name}: [{section}]"
                assert keys <= known[section], f"{block.name}: {keys - known[section]}"


def test_what_is_wrong_is_noticed(configured):
    wrong = (
        "sip fly",
        "sip plan L1 --fast",
        "sip sky cone --radios 1",
        "make bread",
        "fab -r deploy head-node.stop",
        "luigi --module sip_luigi ImagingPipeline --obs-id L1 --imaging-robots 3",
    )
    for line in wrong:
        assert fault_of(command(line)), line
    right = (
        "sip runs --last 3",
        "sip runs show L1 --json",
        "sip --version",
        "make docs",
        "fab -r deploy head-node.status",
        "sip cluster drain NODE",
    )
    for line in right:
        assert not fault_of(command(line)), line


def test_commands_are_found():
    found = [argv for page in pages() for block in blocks(page) for argv in block.commands()]
    assert len(found) > 25
    assert {Path(argv[0]).name for argv in found} == {"sip", "luigi", "make", "fab"}


def fault_of(argv):
    """What is wrong with a command, empty when nothing is."""
    return {"sip": _sip, "luigi": _luigi, "make": _make, "fab": _fab}[Path(argv[0]).name](argv[1:])


def _sip(words):
    found, path = main, "sip"
    context = click.Context(main)
    for word in words:
        if word.startswith("-") and word != "-":
            options = {name for item in found.params for name in (*item.opts, *item.secondary_opts)}
            if word.partition("=")[0] not in options | {"-h", "--help"}:
                return f"{path} has no option {word}"
        elif isinstance(found, click.Group) and not _is_value(word, words):
            path, inner = f"{path} {word}", found.get_command(context, word)
            if inner is None and not word.isupper():
                return f"there is no {path}"
            found = inner or found
    return ""


def _is_value(word, words):
    """Whether a word belongs to the option before it."""
    before = words[words.index(word) - 1] if words.index(word) else ""
    return before.startswith("--") and "=" not in before


def _luigi(words):
    words = [word for word in words if word != "&"]
    try:
        CmdlineParser(["5" if word == "N" else word for word in words])
    except SystemExit:
        return "Luigi refuses it"
    return ""


def _make(words):
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.M)
    return "" if set(words) <= set(targets) else f"no such target: {set(words) - set(targets)}"


@PAGES
def test_links_between_files(page):
    """Sphinx looks at those between pages; the first page of the repository it does not know."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)\s#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def _fab(words):
    if words[:2] != ["-r", "deploy"]:
        return "expected fab -r deploy TASK"
    return "" if words[2] in _fab_tasks() else f"no such task: {words[2]}"


@cache
def _fab_tasks():
    command = (str(BIN / "fab"), "-r", "deploy", "--list", "--list-format", "json")
    found = json.loads(subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout)
    inner = {f"{group['name']}.{task['name']}" for group in found["collections"] for task in group["tasks"]}
    return inner | {task["name"] for task in found["tasks"]}
