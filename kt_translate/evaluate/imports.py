"""The names that a source imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.values import External, Scope, Unknown
from kt_translate.source.names import canonical

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def dotted(node: Any) -> str:
    """``a.b.c`` of a Name or Attribute."""
    if isinstance(node, cst.Name):
        return node.value
    return f"{dotted(node.value)}.{node.attr.value}"


def import_module(ev: Interpreter, node: cst.Import, scope: Scope) -> None:
    for alias in node.names:
        path = dotted(alias.name)
        if alias.asname is not None:
            ev.bind(alias.asname.name.value, External(canonical(path)), scope)  # type: ignore[union-attr]
        else:
            top = path.split(".")[0]
            ev.bind(top, External(canonical(top)), scope)


def import_names(ev: Interpreter, node: cst.ImportFrom, scope: Scope) -> None:
    base = dotted(node.module) if node.module is not None else ""
    if isinstance(node.names, cst.ImportStar):
        scope.names.setdefault("*", []).append(canonical(base))
        return
    for alias in node.names:
        name = alias.evaluated_name
        bound = alias.evaluated_alias or name
        if node.relative:
            ev.bind(bound, Unknown(f"{name} comes from another file", ev.line), scope)
        else:
            ev.bind(bound, External(canonical(f"{base}.{name}")), scope)
