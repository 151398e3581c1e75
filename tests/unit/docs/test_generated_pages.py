"""The pages that are made from the code say what the code says."""

import ast
import runpy

import pytest
from documentation import DOCS, REPOSITORY

from sip_luigi.domain.errors import error_classes
from sip_luigi.tasks.chain import CHAIN


@pytest.mark.parametrize("page", ["settings", "quality", "errors"])
def test_page_is_up_to_date(page):
    made = runpy.run_path(str(DOCS / f"{page}.py"))[f"{page}_text"]()
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == made, f"run python docs/{page}.py"


def test_every_error_class_of_the_package_is_in_the_page():
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    names = {"SipError"}
    trees = [ast.parse(path.read_text("utf-8")) for path in (REPOSITORY / "sip_luigi").rglob("*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while found := {
        node.name
        for node in classes
        if node.name not in names and any(isinstance(b, ast.Name) and b.id in names for b in node.bases)
    }:
        names |= found
    assert len(names) > 15
    missing = {name for name in names if f"{name} |" not in page}
    assert not missing


def test_every_error_of_the_tree_says_what_to_do():
    tree = [error for error in error_classes() if error.__module__ == "sip_luigi.domain.errors"]
    assert [error.__name__ for error in tree if "remedy" not in vars(error)] == []


def test_every_stage_has_a_page():
    pages = {path.stem for path in (DOCS / "stages").glob("*.md")}
    assert pages == {
        "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-") for name in CHAIN
    }
