"""Methods on tensors as classes: what they read of their object, settings of the function under way, are parameters."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import libcst as cst

from kt_translate.evaluate import general
from kt_translate.evaluate.values import Class, External, Function, Instance, Native, plain
from kt_translate.graph.sym import Sym, symbols_in
from kt_translate.source.walk import parts, walk

_CHANGING = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.Del, cst.For, cst.NamedExpr)


def object_of(function: Function, bound: dict[str, Any]) -> Instance | None:
    """The object that a method is called on, where that is one of a class of no layers."""
    if function.owner is None or not function.node.params.params:
        return None
    me = bound.get(function.node.params.params[0].name.value)
    if not isinstance(me, Instance) or me.use is not None or me.pending:
        return None
    return me if me.cls.keras_base() is None else None


def settings_of(function: Function, me: Instance) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What a method, and those that it calls, read of their object: settings, and what is always the same.

    None where they read anything else, or do more with the object than that.
    """
    settings: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    waiting, seen = [function], {id(function.node)}
    while waiting:
        read = _read(waiting.pop().node)
        if read is None:
            return None
        for name in read:
            inner = name.partition(".")[0]
            value = me.attributes.get(inner, me.cls.lookup(inner))
            if isinstance(value, Function) and inner not in me.attributes:
                if id(value.node) not in seen:
                    seen.add(id(value.node))
                    waiting.append(value)
            elif general.is_number(value) and (isinstance(value, Sym) or symbols_in(value)):
                settings[inner] = value
            elif isinstance(value, (Function, Class, External, Native)) or (
                plain(value) and not (inner != name and isinstance(value, (list, dict, set)))
            ):
                fixed[inner] = value
            else:
                return None
    return settings, fixed


@lru_cache(maxsize=4096)
def _read(node: cst.FunctionDef) -> frozenset[str] | None:
    """The attributes of its object that a method reads, ``width`` or ``names.append``; None if it does anything else with it."""
    me = node.params.params[0].name.value if node.params.params else ""
    found: set[str] = set()
    reads = 0
    for inner in walk(node.body):
        if isinstance(inner, _CHANGING) and me in _objects(inner):
            return None
        if isinstance(inner, cst.Attribute):
            if _is(inner.value, me):
                found.add(inner.attr.value)
                reads += 1
            elif isinstance(inner.value, cst.Attribute) and _is(inner.value.value, me):
                found.add(f"{inner.value.attr.value}.{inner.attr.value}")
    named = sum(_is(n, me) for n in walk(node.body))
    return frozenset(found) if named == reads else None


def _is(node: Any, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _objects(node: Any) -> set[str]:
    """The variables whose attributes or items a statement changes."""
    targets = [node.target] if hasattr(node, "target") else parts(node)
    inner = [t for target in targets for t in walk(target)]
    changed = [t for t in inner if isinstance(t, (cst.Attribute, cst.Subscript))]
    return {n.value for t in changed for n in walk(t) if isinstance(n, cst.Name)}
