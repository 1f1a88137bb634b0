"""The parity test: the source's own model-building statements, against the translation."""

from __future__ import annotations

import ast
from typing import Any

from kt_translate.emit.module import environment


def render(text: str, source: str, output: str, entries: list[dict[str, Any]]) -> str | None:
    """The test's text; None where nothing can be built without arguments that only the user knows."""
    import black

    cases = [
        {
            "name": e["source_name"],
            "keras": e["keras"],
            "torch": e["torch"],
            "permute": [i["permute"] for i in e["inputs"]],
            "output_permute": [o["permute"] for o in e["outputs"]],
        }
        for e in entries
        if e["status"] == "translated" and e["keras"] is not None
    ]
    if not cases:
        return None
    names = {
        node.id
        for case in cases
        for node in ast.walk(ast.parse(str(case["keras"]), mode="eval"))
        if isinstance(node, ast.Name)
    }
    text = (
        environment()
        .get_template("parity_test.py.j2")
        .render(output=output, source=source, cases=repr(cases), slice=repr(slice_of(text, names)))
    )
    return black.format_str(text, mode=black.Mode(line_length=100))


def slice_of(text: str, wanted: set[str]) -> str:
    """The top-level statements that the names need, and ``model.add(...)`` and the like of those names."""
    body = [
        statement
        for node in ast.parse(text).body
        for statement in (node.body if isinstance(node, ast.If) and _is_main(node) else [node])
    ]
    needed = set(wanted)
    kept: list[ast.stmt] = []
    while True:
        found = [s for s in body if _imports_keras(s) or _binds(s) & needed or _extends(s, needed)]
        names = {n.id for s in found for n in ast.walk(s) if isinstance(n, ast.Name)}
        if len(found) == len(kept) and names <= needed:
            return "\n".join(ast.unparse(s) for s in found)
        kept, needed = found, needed | names


def _is_main(node: ast.If) -> bool:
    return "__name__" in ast.unparse(node.test)


def _imports_keras(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in (
            "keras",
            "tensorflow",
            "tf_keras",
            "numpy",
            "math",
        )
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
    return any(
        n.split(".")[0] in ("keras", "tensorflow", "tf_keras", "numpy", "math", "os") for n in names
    )


def _binds(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {a.asname or a.name.split(".")[0] for a in node.names}
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _extends(node: ast.stmt, needed: set[str]) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("add", "build", "append", "extend")
        and isinstance(function.value, ast.Name)
        and function.value.id in needed
    )
