"""The tensors that a class of its own takes: in place of those that it is called with."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from kt_translate.evaluate.values import Class, Function, map_tensors
from kt_translate.graph.nodes import Param
from kt_translate.graph.sym import Sym, Symbol, known
from kt_translate.graph.tensor import Dim, Tensor, tensors_in

ROLES = {
    2: ("features",),
    3: ("length", "features"),
    4: ("height", "width", "channels"),
    5: ("depth", "height", "width", "channels"),
}


def fresh_input(
    outer: Tensor,
    name: str,
    several: bool,
    names: set[str],
    sizes: list[Param],
    inputs: list[Tensor],
    fixed: bool = False,
) -> Tensor:
    """A tensor parameter of the class: its sizes are symbols, or ``fixed`` where they are known."""
    roles = ROLES.get(outer.rank, tuple(f"size_{i}" for i in range(1, outer.rank)))
    shape: list[Dim] = []
    for role, dim in zip(("rows", *roles)[: outer.rank], outer.shape, strict=True):
        if dim is None or (fixed and isinstance(known(dim), int)):
            shape.append(known(dim))
            continue
        prefix = (
            f"{name}_" if several and inputs else "in_" if role in ("channels", "features") else ""
        )
        fresh = prefix + role
        while fresh in names:
            fresh += "_"
        names.add(fresh)
        symbol = Symbol(fresh, known(dim), "dim")
        sizes.append(Param(symbol, None, "int"))
        shape.append(Sym.of(symbol))
    tensor = Tensor(tuple(shape), outer.dtype, outer.layout, name=name)
    inputs.append(tensor)
    return tensor


def as_before(calls: list[Any], given: dict[str, Any]) -> dict[str, Any]:
    """What an object is called with, in the layouts of its first call: it is of one class, and what comes is turned."""
    first, values = calls[0][1] if calls else [], list(given.values())
    tensors = tensors_in(values)
    if [t.rank for t in first[: len(tensors)]] != [t.rank for t in tensors]:
        return given
    layouts = iter([t.layout for t in first])
    turned = map_tensors(lambda t: replace(t, layout=next(layouts)), values)
    return dict(zip(given, turned, strict=True))


def unpacked_names(cls: Class, name: str, count: int) -> list[str]:
    """What ``call`` calls the tensors of a list that it is given: ``x, a = inputs``."""
    call = cls.lookup("call")
    text = (
        cls.source.code(call.node) if cls.source is not None and isinstance(call, Function) else ""
    )
    n = re.escape(name)
    found = re.search(
        rf"^\s*\(?\[?(\w+(?:\s*,\s*\w+)+)\]?\)?\s*=\s*(?:{n}|tf\.unstack\({n}\))\s*(?:#.*)?$",
        text,
        re.MULTILINE,
    )
    parts = re.split(r"\s*,\s*", found[1]) if found else []
    if len(parts) == count and len(set(parts)) == count:
        return parts
    return [f"{name.removesuffix('s')}_{i}" for i in range(count)]
