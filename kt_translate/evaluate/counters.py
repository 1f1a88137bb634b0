"""Functions that count in variables of the module: ``global number; number += 1``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from kt_translate.evaluate.values import Function
from kt_translate.source.walk import bound_in, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


_GLOBAL = re.compile(r"^\s+global \w", re.MULTILINE)


@lru_cache(maxsize=64)
def may_count(text: str) -> bool:
    """Whether functions of a source may change its variables."""
    return _GLOBAL.search(text) is not None


def counts(ev: Interpreter, function: Function) -> bool:
    """Whether a function, or one that it calls, changes variables of the module: each call of it is another one."""
    if not ev.files and not may_count(ev.source.text):
        return False
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
