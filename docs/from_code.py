"""Directives whose content comes from the code: the graph, a stage, and the messages of the errors."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from luigi.task_register import Register
from sphinx.application import Sphinx
from sphinx.ext.graphviz import graphviz
from sphinx.util.docutils import SphinxDirective

import sip_luigi
from sip_luigi import pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import error_classes
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.chain import CHAIN, Need
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.subband import SubbandStage

PACKAGE = Path(sip_luigi.__file__).parent
WHERE_COLOURS = {
    "storage node": "#dbe9f6",
    "compute node": "#fde8cd",
    "imaging node": "#e2f0d9",
    "head node": "#eeeeee",
}


def stage_class(name: str) -> type[Stage]:
    """The class of a stage."""
    found: type[Stage] = Register.get_task_cls(name)
    return found


def where(name: str) -> str:
    """On which kind of node the work of a stage is done."""
    found = stage_class(name)
    if issubclass(found, HeadStage):
        # The description of raw data is written here and read there.
        return "storage node" if issubclass(found, SubbandStage) else "head node"
    own = issubclass(found, SubbandStage) and name != "GatherSubband"
    return "compute node" if own else "imaging node"


def file_of(name: str) -> str:
    """Name of the page of a stage: FindSources is described in find-sources."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def graph_text() -> str:
    """The graph in the language of graphviz."""
    lines = [
        "digraph pipeline {",
        'bgcolor="white" rankdir="TB" nodesep=0.25 ranksep=0.35',
        'node [shape=box style="filled,rounded" fontname="sans-serif" fontsize=11 color="#666666"]',
        'edge [color="#555555" arrowsize=0.7 fontname="sans-serif" fontsize=9]',
    ]
    for name in CHAIN:
        each = "\\neach subband" if issubclass(stage_class(name), SubbandStage) else ""
        lines.append(f'{name} [label="{name}{each}" fillcolor="{WHERE_COLOURS[where(name)]}"]')
    for name, needs in CHAIN.items():
        edges = defaultdict(list)
        for need in needs.values():
            edges[need.stage].append(need)
        for stage, found in edges.items():
            if not _follows(stage, name):
                lines.append(f"{stage} -> {name} [{_style(found)}]")
    return "\n".join([*lines, "}"])


def _before(name: str) -> set[str]:
    """What a stage takes, the cycle before aside."""
    return {need.stage for need in CHAIN[name].values() if need.cycle != "previous" and not need.when}


def _follows(stage: str, name: str) -> bool:
    """Whether an arrow says nothing that others do not say: the stage is behind another one that is taken."""
    waiting, seen = [other for other in _before(name) if other != stage], set()
    while waiting:
        other = waiting.pop()
        if other == stage:
            return True
        if other not in seen:
            seen.add(other)
            waiting += _before(other)
    return False


def _style(needs: list[Need]) -> str:
    before = all(need.cycle == "previous" for need in needs)
    optional = all(need.when for need in needs)
    # An arrow back to the next cycle must not turn the picture over.
    return " ".join(
        (
            'style="dashed"' if optional or before else 'style="solid"',
            'constraint=false label="next cycle"' if before else "",
        )
    )


class PipelineGraph(SphinxDirective):
    """The graph as a picture."""

    def run(self) -> list[nodes.Node]:
        """A node of graphviz; ``dot`` draws it while the pages are built."""
        self.env.note_reread()
        node = graphviz()
        node["code"] = graph_text()
        node["options"] = {}
        node["alt"] = "The stages of the pipeline; an arrow leads from a product to the stage that takes it."
        node["align"] = "center"
        return [node]


class StageFacts(SphinxDirective):
    """What the code says of a stage: ``{stage} Calibrate``."""

    required_arguments = 1
    option_spec: ClassVar = {"settings": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """A list of fields."""
        self.env.note_reread()
        name = self.arguments[0]
        found = stage_class(name)
        sections = self.options.get("settings", "").split()
        entries = {
            "Runs on": where(name),
            "For": self._for(found),
            "Takes": self._takes(name),
            "Taken by": ", ".join(_link(other) for other in _takers(name)) or "nobody",
            "In logs and manifests": f"`{found.stage}`, version {found.version}",
            "Settings": ", ".join(f"[`[{s}]`](../settings.md#{s.replace('_', '-')})" for s in sections)
            or "none",
            "When it cannot be made": (
                "the subband is lost, the observation goes on" if found.may_be_lost else "the run fails"
            ),
            "Class": f"{{py:class}}`~{found.__module__}.{name}`",
        }
        lines = ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in entries.items() if value)]
        return self.parse_text_to_nodes("\n".join(lines))

    def _for(self, found: type[Stage]) -> str:
        each = "each subband" if issubclass(found, SubbandStage) else "the observation"
        return f"{each}, in each cycle" if "cycle" in dict(found.get_params()) else each

    def _takes(self, name: str) -> str:
        return "; ".join(_need_text(role, need) for role, need in CHAIN[name].items()) or "the raw data"


def _link(name: str) -> str:
    return f"[{name}]({file_of(name)}.md)"


def _need_text(role: str, need: Need) -> str:
    said = [
        "of each subband" if need.every_subband else "",
        {"previous": "of the cycle before", "last": "of the last cycle", "every": "of every cycle"}.get(
            need.cycle, ""
        ),
        f"at first {_link(need.at_first)}" if need.at_first else "",
        "of the calibrator" if need.of_calibrator else "",
        f"with `{need.when}`" if need.when else "",
    ]
    detail = ", ".join(text for text in said if text)
    return f"{role}: {_link(need.stage)}" + (f" ({detail})" if detail else "")


def _takers(name: str) -> list[str]:
    return [
        stage for stage, needs in CHAIN.items() if any(name in (n.stage, n.at_first) for n in needs.values())
    ]


class ErrorMessages(SphinxDirective):
    """Every message of every error, as the code has them."""

    def run(self) -> list[nodes.Node]:
        """A heading and a list for each class."""
        self.env.note_reread()
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for error, message, module in messages():
            found[error].append((message, module))
        content: list[nodes.Node] = []
        for error in (entry.__name__ for entry in error_classes()):
            if found[error]:
                content += self._of(error, sorted(set(found[error])))
        return content

    def _of(self, error: str, entries: list[tuple[str, str]]) -> list[nodes.Node]:
        listed = nodes.bullet_list()
        for message, module in entries:
            text = nodes.paragraph("", "", nodes.Text(message + " "), nodes.emphasis("", f"({module})"))
            listed += nodes.list_item("", text)
        return [nodes.rubric("", error), listed]


def messages() -> Iterator[tuple[str, str, str]]:
    """Class, message and module of every error that is made in the package; … stands for what is filled in."""
    names = {entry.__name__ for entry in error_classes()}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _name(node.func) in names:
                text = _text(node.args[0], assigned)
                if text.strip("… "):
                    yield _name(node.func), text, module


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def _text(value: ast.expr, assigned: dict[str, ast.expr]) -> str:
    match value:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, {}) for part in parts)
        case ast.Name(id=name) if name in assigned:
            return _text(assigned[name], {})
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _text(left, assigned) + _text(right, assigned)
        case _:
            return "…"


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the directives."""
    app.add_directive("pipeline-graph", PipelineGraph)
    app.add_directive("stage", StageFacts)
    app.add_directive("error-messages", ErrorMessages)
    return {"parallel_read_safe": True}
