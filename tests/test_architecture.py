"""The rules of the house that a program can check: who imports whom, what core never does, what loads late."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
CORE = PROJECT / "core"
ROOMS = (
    "types", "errors", "wording", "metrics", "store", "ingest", "encode", "index", "graph", "query", "rank", "search", "atlas", "judge",
    "explain", "jobs", "workbench", "figures", "arguments", "documents", "terminal", "measuring",
    "__main__",
)  # fmt: skip
"""The way the data goes: a room imports from rooms before it."""
HEAVY = ("torch", "umap", "numba", "usearch", "pandas", "plotly", "onnxruntime", "onnx", "sklearn", "scipy", "PIL", "pyarrow",
         "open_clip", "timm", "streamlit", "tokenizers")  # fmt: skip
ONLY_LATE = set(HEAVY) - {"PIL"}
FILES = sorted(CORE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, *, late: bool = True) -> list[tuple[str, int]]:
    """Modules that are imported and where; without `late`, only those at the top of the module (not for type checking)."""
    found = []
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            found += [(name.name, node.lineno) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            found += [(f"{node.module}.{name.name}", node.lineno) for name in node.names]
        elif not late and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif not late and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        stack += ast.iter_child_nodes(node)
    return found


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in FILES if path.parent != CORE or path.name != "__init__.py"}
    assert rooms <= set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_a_room_imports_from_rooms_before_it(path):
    if path == CORE / "__init__.py":
        return
    here = ROOMS.index(room_of(path))
    tree = ast.parse(path.read_text())
    for module, line in imports(tree):
        parts = module.split(".")
        if parts[0] == "core" and len(parts) > 1 and parts[1] in ROOMS:
            assert ROOMS.index(parts[1]) <= here, f"line {line}: {room_of(path)} imports {module}, which comes after it"
        assert parts[0] not in ("streamlit", "pages", "tests"), f"line {line}: core imports {module}"
        assert parts[0] not in ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"), f"line {line}: {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_heavy_packages_load_late(path):
    for module, line in imports(ast.parse(path.read_text()), late=False):
        assert module.split(".")[0] not in ONLY_LATE, f"line {line}: {module} is imported at the top"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_core_neither_prints_nor_exits_nor_unpickles(path):
    if path.name == "__main__.py":
        return
    # A module that can be run by itself says what it did at its end.
    tree = ast.parse(path.read_text())
    mains = {node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_main"}
    mains |= {node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.dump(node.test)}
    stack: list[ast.AST] = [node for node in tree.body if node not in mains]
    while stack:
        node = stack.pop()
        stack += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            assert name != "print", f"line {node.lineno}: print"
            assert not (isinstance(node.func, ast.Name) and name in ("exit", "quit", "eval", "exec")), f"line {node.lineno}"
            assert not (name == "exit" and ast.dump(node.func).startswith("Attribute(value=Name(id='sys'")), f"line {node.lineno}"
            allowed = [k.value for k in node.keywords if k.arg == "allow_pickle"]
            assert all(isinstance(v, ast.Constant) and v.value is False for v in allowed), f"line {node.lineno}: pickle"


@pytest.mark.parametrize("module", ["core", "core.store", "core.search.engine", "core.workbench", "core.jobs", "core.__main__"])
def test_importing_pulls_nothing_heavy(module):
    code = f"import sys, {module}; print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_only_shared_pages_cache_things():
    """``st.cache_*`` in one place, so that what is kept across visitors can be seen at a glance."""
    for path in (PROJECT / "pages").glob("*.py"):
        if path.name != "_shared.py":
            for node in ast.walk(ast.parse(path.read_text())):
                assert not (isinstance(node, ast.Attribute) and node.attr in ("cache_data", "cache_resource")), path.name


def test_pages_do_not_reach_into_the_store():
    """Pages call services; from the rooms below they take words, names and limits."""
    for path in (PROJECT / "pages").rglob("*.py"):
        for module, line in imports(ast.parse(path.read_text())):
            assert not module.startswith(("core.store.db", "core.store.schema", "sqlite3")), f"{path.name} line {line}: {module}"
