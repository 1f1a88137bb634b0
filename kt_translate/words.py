"""The words and numbers that a source compares its parameters with, or finds in tables by them."""

from __future__ import annotations

import ast
import re
from typing import Any

from kt_translate.evaluate.awaited import settled
from kt_translate.evaluate.constructors import constructor_of
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Class, Function
from kt_translate.graph.sym import known
from kt_translate.guesses import code_about

_LITERAL = r"'[^'\n]*'|\"[^\"\n]*\"|\d+\b(?!\.)|\(\d+(?:, ?\d+)+\)"


def choices(ev: Interpreter, name: str, text: str) -> list[Any]:
    """What a parameter may be that takes an item of a table, or is compared with words and numbers."""
    n = rf"{re.escape(name)}(?:\.(?:lower|upper|strip)\(\))*"
    found: list[Any] = []
    for table in re.findall(rf"(?<![.\w])(\w+)(?:\[|\.get\()\s*{n}\s*[\]),]", text):
        held = known(ev.module.names.get(table))
        if isinstance(held, dict):
            found += held
        elif isinstance(held, (list, tuple)):
            found += range(len(held))
        elif local := re.search(rf"\b{table}\s*=\s*{{\s*({_LITERAL})\s*:", text):
            found.append(ast.literal_eval(local[1]))
    compared = rf"(?<![.\w]){n}\s*(?:(?:==|!=)\s*({_LITERAL})|(?:not )?in\s*[\[({{]([^\])}}]*))"
    said: dict[str, None] = {}
    for one, several in re.findall(compared, text):
        said |= dict.fromkeys(re.findall(_LITERAL, several) if several else [one])
    return [*found, *map(ast.literal_eval, said)]


def code_with(ev: Interpreter, function: Function) -> str:
    """The code of a function, and that of what it calls, and these call, that takes parameters of its names.

    Of a class that is called so, it is the whole class.
    """
    names = _parameters(function)
    found = {id(function): code_about(ev, function)}
    todo = [function]
    for one in todo:
        known_there = one.scope.module.names
        for word in dict.fromkeys(re.findall(r"\w+", found[id(one)])):
            called = settled(known_there, word) if word in known_there else None
            called = constructor_of(called) if isinstance(called, Class) else called
            if (
                isinstance(called, Function)
                and id(called) not in found
                and _parameters(called) & names
            ):
                found[id(called)] = code_about(ev, called)
                todo.append(called)
    return "\n".join(found.values())


def _parameters(function: Function) -> set[str]:
    params = function.node.params
    return {p.name.value for p in (*params.params, *params.kwonly_params)}
