"""The names of the support code, and what generated code is not free to call its own things."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Set
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "support"

_IMPORTS = {  # of names in the classes themselves
    "itertools": "import itertools",
    "math": "import math",
    "partial": "from functools import partial",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "Tensor": "from torch import Tensor",
    "SimpleNamespace": "from types import SimpleNamespace",
}


_TOP_LEVEL = re.compile(
    r"^(?:(?:def|class) (\w+)|(\w+)(?:: [^=\n]+)? = |((?:from [\w.]+ )?import (?:\([^)]*\)|.*)$))",
    re.M,
)


@lru_cache(maxsize=1)
def _index() -> tuple[dict[str, Path], dict[str, str]]:
    """In which file each support definition stands, and the import line for each imported name."""
    found: dict[str, Path] = {}
    imports: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.py")):
        for define, assigned, line in _TOP_LEVEL.findall(path.read_text(encoding="utf-8")):
            if line:
                _note_import(ast.parse(line).body[0], imports)
            else:
                found.setdefault(define or assigned, path)
    return found, {**imports, **_IMPORTS}


def _note_import(node: ast.stmt, imports: dict[str, str]) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            shown = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            imports[alias.asname or alias.name.split(".")[0]] = shown
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module != "__future__":
        for alias in node.names:
            imports[alias.name] = f"from {node.module} import {alias.name}"


def definitions() -> Mapping[str, Path]:
    """In which file each support definition stands."""
    return _index()[0]


def imports() -> Mapping[str, str]:
    """The statements that import the names in generated code and in support code."""
    return _index()[1]


def support_names() -> Set[str]:
    """The names of all support definitions."""
    return definitions().keys()


@lru_cache(maxsize=1)
def reserved_names() -> Set[str]:
    """The names that mean something else wherever generated code reads them."""
    return {*definitions(), *imports(), "self", "super"}
