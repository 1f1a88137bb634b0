"""The names that a source imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import modules
from kt_translate.evaluate.external import outside
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import External, Module, Scope, Unknown
from kt_translate.source import tree
from kt_translate.source.names import canonical

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def import_module(ev: Interpreter, node: tree.Import, scope: Scope) -> None:
    for alias in node.names:
        if alias.asname is not None:
            ev.bind(alias.asname, _module(ev, alias.name), scope)
        else:
            top = alias.name.split(".")[0]
            ev.bind(top, _module(ev, top), scope)


def _module(ev: Interpreter, path: str) -> Any:
    found = modules.imported(ev, path)
    return External(canonical(found)) if isinstance(found, str) else found


def import_names(ev: Interpreter, node: tree.ImportFrom, scope: Scope) -> None:
    base = node.module
    module = modules.imported(ev, base, node.level)
    if node.names[0].name == "*":
        _import_all(ev, module, base, scope)
        return
    for alias in node.names:
        value = _imported(ev, module, alias.name, base)
        ev.bind(alias.asname or alias.name, value, scope)


def _import_all(ev: Interpreter, module: Any, base: str, scope: Scope) -> None:
    if isinstance(module, Module):
        for name, value in modules.public_names(module).items():
            ev.bind(name, value, scope)
        bases = module.scope.names.get("*", ())
    else:
        bases = [canonical(module if isinstance(module, str) else base)]
    scope.names.setdefault("*", []).extend(bases)


def _imported(ev: Interpreter, module: Any, name: str, base: str) -> Any:
    if isinstance(module, str):
        return outside(canonical(f"{module}.{name}"))
    found = modules.member(ev, module, name) if isinstance(module, Module) else None
    if found is None and ev.trying:
        raise Raised(f"ImportError: cannot import name {name!r}")
    if found is None:
        where = (
            module.name if isinstance(module, Module) else f"{base or 'another file'}, not there"
        )
        return Unknown(f"{name} of {where}", ev.line)
    return found
