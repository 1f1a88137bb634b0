"""The names that a source imports."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import modules
from kt_translate.evaluate.awaited import Awaited
from kt_translate.evaluate.external import outside
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import External, Module, Scope, Unknown
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
            ev.bind(alias.asname.name.value, module_at(ev, path), scope)  # type: ignore[union-attr]
        else:
            top = path.split(".")[0]
            ev.bind(top, module_at(ev, top), scope)


def module_at(ev: Interpreter, path: str) -> Any:
    """The module of that name: a file of the project, or what is outside."""
    found = modules.imported(ev, path)
    return External(canonical(found)) if isinstance(found, str) else found


def import_names(ev: Interpreter, node: cst.ImportFrom, scope: Scope) -> None:
    base = dotted(node.module) if node.module is not None else ""
    level = len(node.relative)
    module = modules.imported(ev, base, level)
    if isinstance(node.names, cst.ImportStar):
        _import_all(ev, module, base, scope)
        return
    for alias in node.names:
        name = alias.evaluated_name
        read = partial(_imported, ev, module, name, base, ev.line)
        later = scope.kind == "module" and scope is not ev.module and not ev.trying
        value = Awaited(read) if later and isinstance(module, Module) else read()
        ev.bind(alias.evaluated_alias or name, value, scope)


def also_imported(ev: Interpreter, handler: cst.BaseSuite, scope: Scope) -> None:
    """What ``except ImportError`` imports, and ``try`` does not: the names that another version of a library has."""
    for line in handler.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, cst.ImportFrom) and not isinstance(node.names, cst.ImportStar):
                names = [a.evaluated_alias or a.evaluated_name for a in node.names]
            elif isinstance(node, cst.Import):
                names = [a.evaluated_alias or dotted(a.name).split(".")[0] for a in node.names]
            else:
                continue
            if not any(name in scope.names for name in names):
                ev.statement(node, scope)


def _import_all(ev: Interpreter, module: Any, base: str, scope: Scope) -> None:
    if isinstance(module, Module):
        mentioned = set(re.findall(r"\w+", ev.source.text)) if scope is ev.module else set()
        for name, value in modules.public_names(ev, module).items():
            if name in mentioned and isinstance(value, Awaited):
                value = modules.member(ev, module, name)
            ev.bind(name, value, scope)
        bases = module.scope.names.get("*", ())
    else:
        bases = [canonical(module if isinstance(module, str) else base)]
    scope.names.setdefault("*", []).extend(bases)


def _imported(ev: Interpreter, module: Any, name: str, base: str, line: int) -> Any:
    if isinstance(module, str):
        return outside(canonical(f"{module}.{name}"))
    found = modules.member(ev, module, name) if isinstance(module, Module) else None
    if found is None and ev.trying:
        raise Raised(f"ImportError: cannot import name {name!r}")
    if found is None:
        where = (
            module.name if isinstance(module, Module) else f"{base or 'another file'}, not there"
        )
        return Unknown(f"{name} of {where}", line)
    return found
