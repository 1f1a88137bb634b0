"""The words and numbers that a source compares its parameters with, or finds in tables by them."""

from __future__ import annotations

import ast
import re
from typing import Any

from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Function
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
    for one, several in re.findall(compared, text):
        found += map(ast.literal_eval, re.findall(_LITERAL, several) if several else [one])
    return found


def code_with(ev: Interpreter, function: Function) -> str:
    """The code of a function, and that of those of the module that it calls and that take parameters of its names."""
    names = _parameters(function)
    found = {function.name: code_about(ev, function)}
    others = [v for v in function.scope.module.names.values() if isinstance(v, Function)]
    others = [f for f in others if _parameters(f) & names]
    for _ in others:
        words = set(re.findall(r"\w+", "\n".join(found.values())))
        more = [f for f in others if f.name in words and f.name not in found]
        if not more:
            break
        found |= {f.name: code_about(ev, f) for f in more}
    return "\n".join(found.values())


def _parameters(function: Function) -> set[str]:
    params = function.node.params
    return {p.name.value for p in (*params.params, *params.kwonly_params)}
