"""Functions that count in variables of the module: ``global number; number += 1``."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from kt_translate.evaluate.values import Function
from kt_translate.source.walk import bound_in, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def counts(ev: Interpreter, function: Function) -> bool:
    """Whether a function, or one that it calls, changes variables of the module: each call of it is another one."""
    todo, seen = [function], {id(function)}
    while todo:
        node = todo.pop().node
        if _changed(node):
            return True
        for name in names_in(node):
            value = ev.module.names.get(name)
            if isinstance(value, Function) and id(value) not in seen:
                seen.add(id(value))
                todo.append(value)
    return False


@lru_cache(maxsize=1024)
def _changed(node: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    """The variables of the module that a function changes."""
    found = {
        item.name.value
        for part in walk(node)
        if isinstance(part, cst.Global)
        for item in part.names
    }
    return frozenset(found & bound_in(node.body)) if found else frozenset()
