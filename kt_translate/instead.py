"""What a function takes where it is given None: ``config = config or Config()``."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from typing import Any

import libcst as cst

from kt_translate.evaluate import views
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Class, Function


def objects_instead(ev: Interpreter, function: Function) -> dict[str, Any]:
    """The objects with settings that the function makes of the module's names alone, by the parameters that are None."""
    names = [name for name, default in function.defaults.items() if default is None]
    if not names or isinstance(function.node, cst.Lambda):
        return {}
    code = ast.parse(textwrap.dedent(ev.source.code(function.node)))
    found = {name: _made(ev, said) for name in names for said in _instead(code, name)}
    return {name: made for name, made in found.items() if made is not None}


def _made(ev: Interpreter, said: ast.expr) -> Any:
    called = said.func if isinstance(said, ast.Call) and not said.args else None
    cls = ev.module.names.get(called.id) if isinstance(called, ast.Name) else None
    if not isinstance(cls, Class) or cls.keras_base() is not None:
        return None
    made = ev.evaluate(cst.parse_expression(ast.unparse(said)), ev.module)
    return made if views.is_record(made) else None


def _instead(code: ast.AST, name: str) -> Iterator[ast.expr]:
    """What stands in the code for a name that is None."""
    absent, present = {f"{name} is None", f"not {name}"}, {name, f"{name} is not None"}
    for node in ast.walk(code):
        match node:
            case ast.BoolOp(op=ast.Or(), values=[first, other]) if ast.unparse(first) == name:
                yield other
            case ast.IfExp(test=test) if ast.unparse(test) in absent | present:
                yield node.body if ast.unparse(test) in absent else node.orelse
            case ast.If(test=test, body=[ast.Assign(targets=[target], value=value)]):
                if ast.unparse(test) in absent and ast.unparse(target) == name:
                    yield value
