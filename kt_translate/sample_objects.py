"""Objects for parameters that hold settings: of the class that the source names, or with what it reads of them."""

from __future__ import annotations

from itertools import chain
from typing import Any

from kt_translate.evaluate import calls, records, views
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.passed_on import with_passed_on
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Class, Function, Instance
from kt_translate.guesses import attributes_read, code_about, guess


def object_for(ev: Interpreter, function: Function, name: str) -> Any:
    """An object of the source's class that a parameter is annotated with, or named after, made of its defaults.

    Else one that has what is read of the parameter; None where there is none.
    """
    params = [*function.node.params.params, *function.node.params.kwonly_params]
    param = next((p for p in params if p.name.value == name), None)
    said = param.annotation.annotation if param is not None and param.annotation else None
    alike = name.replace("_", "").lower()
    for known_as, cls in ev.module.names.items():
        named = ev.source.code(said).strip("'\"") == known_as if said else known_as.lower() == alike
        if not named or not isinstance(cls, Class) or cls.keras_base() is not None:
            continue
        if (made := _made(ev, cls)) is not None:
            return made
    return _object_with(ev, function, name)


def _object_with(ev: Interpreter, function: Function, name: str) -> Any:
    """An object of the source that has the attributes that are read of a parameter: a variable, or of a class.

    Not of the class whose method the function is: its objects have what it keeps of the parameter.
    """
    read = set(attributes_read(name, code_about(ev, function)))
    variables = [ev.module.names.get(name), *ev.module.names.values()] if read else []
    objects = (v for v in variables if views.holds_settings(v))
    others = (v for v in variables if isinstance(v, Class) and function.owner not in v.mro())
    classes = (c for c in others if c.keras_base() is None)
    made = (calls.call(ev, c, [], {}, None, None) for c in classes if not _needed(c))
    for value in chain(objects, made):
        if isinstance(value, Instance) and views.settings_of(value).keys() >= read:
            return value
    return None


def _made(ev: Interpreter, cls: Class) -> Any:
    """An object of a class, made of likely values for all that must be given; None where the class refuses them."""
    code = "" if cls.node is None else (cls.source or ev.source).code(cls.node)
    try:
        return calls.call(ev, cls, [], {n: guess(n, code, code) for n in _needed(cls)}, None, None)
    except Raised:
        return None


def _needed(cls: Class) -> list[str]:
    """What must be given to make an object of a class."""
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        init = with_passed_on(init)
        params = [*init.node.params.params[1:], *init.node.params.kwonly_params]
        return [p.name.value for p in params if p.default is None]
    return records.required(cls) if records.is_dataclass(cls) else []
