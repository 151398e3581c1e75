"""Imports go downwards only."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sip_luigi"
# From the ground up; each may import what stands before it.
LAYERS = (
    "domain",
    "programs",
    "node",
    "execution",
    "settings",
    "fits",
    "surveys",
    "database",
    "report",
    "tasks",
    "clustercheck",
    "databasecheck",
    "rundisplay",
    "scheduling",
    "scheduler",
    "pipeline",
    "operation",
    "nightly",
    "testcluster",
    "simulation",
    "selftest",
    "cli",
)
# Where packages with a compiled or heavy core may be imported; a process has room for one casacore only.
CONFINED = {
    "casacore": ("node", "simulation"),
    "everybeam": ("node", "simulation"),
    "bdsf": ("node",),
    "luigi": ("settings", "execution", "tasks", "scheduling", "scheduler", "pipeline", "operation"),
    "tornado": ("scheduler",),
    "prometheus_client": ("scheduler",),
    "click": ("cli",),
    "paramiko": ("execution",),
    "sqlalchemy": ("database",),
    "alembic": ("database",),
    "psycopg": ("database",),
    "lsmtool": ("surveys",),
}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    height = LAYERS.index(layer(path))
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "sip_luigi" and len(parts) > 1 and parts[1] in LAYERS:
            assert LAYERS.index(parts[1]) <= height, f"{path} imports {name} from above"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_confined_packages(path):
    for name in imported(path):
        allowed = CONFINED.get(name.split(".")[0])
        assert allowed is None or layer(path) in allowed, f"{path} imports {name}"


def test_only_the_ssh_modules_import_paramiko():
    users = {path.stem for path in modules() if "paramiko" in {name.split(".")[0] for name in imported(path)}}
    assert users
    assert all(name == "ssh" or name.startswith("ssh_") for name in users), users


def test_no_cycles():
    graph = {
        module_name(path): {n for n in imported(path) if n.startswith("sip_luigi.")} for path in modules()
    }
    done, path = set(), []

    def visit(module):
        assert module not in path, f"cycle: {' -> '.join([*path, module])}"
        if module in done or module not in graph:
            return
        path.append(module)
        for dependency in graph[module]:
            visit(dependency)
        path.pop()
        done.add(module)

    for module in graph:
        visit(module)


def module_name(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
