"""Imports only go down, and no file grows beyond what one can keep in mind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt_translate.emit import support
from kt_translate.pytorch import library

ROOT = Path(__file__).parents[1] / "kt_translate"
FLOORS = [
    ["codes", "defects", "version"],
    ["diagnostics"],
    ["pytorch"],
    ["graph", "source"],
    ["config", "files", "messages"],
    ["notebooks"],
    ["layers", "training"],
    ["ops"],
    ["evaluate", "lower"],
    ["emit"],
    ["shapes"],
    ["call_inputs", "guesses", "instead"],
    ["sample_objects", "words"],
    ["attempts"],
    ["builders", "makers", "shown"],
    ["classes", "found"],
    ["implied", "instances", "variants"],
    ["cases", "discover", "factories", "tied"],
    ["objects", "homes"],
    ["written"],
    ["report"],
    ["pipeline"],
    ["targets"],
    ["session"],
    ["cli"],
    ["__main__"],
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}
# The nodes of the graph carry the declarations that made them.
ALLOWED = {("graph/nodes.py", "layers")}
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def imported_modules(text: str, package: str) -> Iterator[str]:
    """Yield the full names that a module of a package imports, within functions too."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = (
                package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            )
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def parts_imported(file: str) -> set[str]:
    package = ".".join(["kt_translate", *Path(file).parts[:-1]])
    names = imported_modules((ROOT / file).read_text(encoding="utf-8"), package)
    return {name.split(".")[1] for name in names if name.startswith("kt_translate.")}


@pytest.mark.parametrize("file", FILES)
def test_imports_only_go_down(file: str) -> None:
    here = Path(file).with_suffix("").parts[0]
    if here == "__init__":
        return
    assert here in FLOOR, f"{file} has no floor: add it to FLOORS"
    known = {part for part in parts_imported(file) if part in FLOOR and part != here}
    upward = {part for part in known if FLOOR[part] >= FLOOR[here] and (file, part) not in ALLOWED}
    assert not upward, f"{file} imports {upward}: same floor or higher than {here}"


def test_the_import_check_sees_every_form() -> None:
    text = "import kt_translate.cli\nfrom .. import emit\nfrom ..lower.x import y\n"
    text += "from kt_translate import graph\n"
    found = set(imported_modules(text, "kt_translate.layers"))
    assert {
        "kt_translate.cli",
        "kt_translate.emit",
        "kt_translate.lower.x",
        "kt_translate.graph",
    } <= found


@pytest.mark.parametrize("file", FILES)
def test_the_translator_imports_no_framework(file: str) -> None:
    names = imported_modules((ROOT / file).read_text(encoding="utf-8"), "kt_translate")
    frameworks = {name.split(".")[0] for name in names} & {
        "torch",
        "tensorflow",
        "keras",
        "tf_keras",
        "numpy",
        "h5py",
    }
    if file.startswith("pytorch/support/"):
        frameworks -= {"torch", "numpy", "h5py"}
    assert not frameworks


@pytest.mark.parametrize("file", FILES)
def test_files_stay_small(file: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8").count("\n") <= 400


@pytest.mark.parametrize("file", FILES)
def test_functions_stay_small(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {node.name for node in functions if (node.end_lineno or node.lineno) - node.lineno >= 60}
    assert not long


def test_support_definitions_of_one_name_are_the_same() -> None:
    texts: dict[str, set[str]] = {}
    for path in sorted(library.FOLDER.glob("*.py")):
        for name, unit in support.units_of(path).items():
            texts.setdefault(name, set()).add(unit.text)
    assert texts.keys() == library.support_names()
    assert not [name for name, found in texts.items() if len(found) > 1]
