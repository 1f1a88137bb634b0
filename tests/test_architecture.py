"""Imports only go down, and no file grows beyond what one can keep in mind."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "kt_translate"
FLOORS = [
    ["diagnostics", "codes"],
    ["pytorch"],
    ["graph", "source"],
    ["layers", "training"],
    ["evaluate", "lower"],
    ["emit"],
    ["pipeline"],
    ["cli", "files", "config"],
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}


def imported_parts(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith("kt_translate.")}
    return found


def test_imports_only_go_down() -> None:
    for path in ROOT.rglob("*.py"):
        here = path.relative_to(ROOT).with_suffix("").parts[0]
        known = {p for p in imported_parts(path) if here in FLOOR and p in FLOOR and p != here}
        # graph/nodes.py names the declarations that its nodes carry
        upward = {p for p in known if FLOOR[p] > FLOOR[here]}
        if path.name == "nodes.py":
            upward -= {"layers"}
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}: a higher floor than {here}"


def test_files_stay_small() -> None:
    long = [p for p in ROOT.rglob("*.py") if p.read_text().count("\n") > 420]
    assert not long
