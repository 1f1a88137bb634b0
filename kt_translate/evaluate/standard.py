"""Functions of Python's standard library that sources build models with."""

from __future__ import annotations

import ast
import collections
import itertools
import json
import operator
import os.path
import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import records, scikit, setting_files
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import External, Native, Unknown, items_of, plain
from kt_translate.graph.sym import known
from kt_translate.source.names import is_keras

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

CONSTANTS: dict[str, Any] = {
    **{
        f"string.{n}": getattr(string, n)
        for n in dir(string)
        if isinstance(getattr(string, n), str) and n[0] != "_"
    },
    "sys.version_info": (3, 10, 0, "final", 0),
    "os.sep": "/",
    "os.path.sep": "/",
}


def builtin(path: str) -> Any:
    """A name of Python's own that is reached by a module: ``six.moves.range``."""
    from kt_translate.evaluate.builtin import NATIVES

    name = path.split(".")[-1]
    return NATIVES.get({"xrange": "range"}.get(name, name), External(path))


def _call(ev: Interpreter, function: Any, *args: Any) -> Any:
    from kt_translate.evaluate import calls

    return calls.call(ev, function, list(args), {}, None, None)


def _reduce(ev: Interpreter, function: Any, values: Any, *initial: Any) -> Any:
    items = items_of(values, None)
    if items is None:
        return Unknown("what is not known, reduced", ev.line)
    items = [*initial, *items]
    with as_the_source_would():
        result = items.pop(0)
    for item in items:
        result = _call(ev, function, result, item)
    return result


def _over(function: Callable[..., Any], opened: int | None = None) -> Callable[..., Any]:
    """A function of itertools on lists; of all its arguments, or of the first ``opened``."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        count = len(args) if opened is None else opened
        lists = [items_of(a, None) for a in args[:count]]
        if None in lists:
            return Unknown("a combination of what is not known", ev.line)
        rest = [ev.demand(a, "a combination") for a in args[count:]]
        with as_the_source_would():
            return list(function(*lists, *rest, **{k: known(v) for k, v in kwargs.items()}))

    return run


def _chain(ev: Interpreter, lists: Any) -> Any:
    parts = items_of(lists, None)
    return (
        Unknown("lists that are not known", ev.line)
        if parts is None
        else _over(itertools.chain)(ev, *parts)
    )


def _repeat(ev: Interpreter, value: Any, times: Any = None) -> Any:
    count = ev.demand(times, "a repetition")
    return (
        [value] * count if isinstance(count, int) else Unknown("a repetition without end", ev.line)
    )


def _starmap(ev: Interpreter, function: Any, values: Any) -> Any:
    turns = [items_of(v, None) for v in items_of(values, None) or [None]]
    if None in turns:
        return Unknown("a function of what is not known", ev.line)
    return [_call(ev, function, *turn) for turn in turns]  # type: ignore[misc]


def _binary(op: str) -> Callable[..., Any]:
    def run(ev: Interpreter, a: Any, b: Any) -> Any:
        from kt_translate.evaluate import calculations

        return calculations.binary(ev, op, a, b)

    return run


def _getter(ev: Interpreter, *keys: Any) -> Native:
    def get(ev: Interpreter, value: Any) -> Any:
        from kt_translate.evaluate import indexing

        found = tuple(indexing.index(ev, value, k) for k in keys)
        return found[0] if len(found) == 1 else found

    return Native("itemgetter", get)


def _ordered(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
    from kt_translate.evaluate.builtin import BUILTINS

    return BUILTINS["dict"](ev, *args, **kwargs)


def _views(ev: Interpreter, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return Unknown("a dict that is not known", ev.line)
    return list(getattr(value, name)())


def _default_dict(ev: Interpreter, factory: Any = None) -> Any:
    made = {"list": list, "dict": dict, "int": int, "set": set, "float": float, "str": str}
    if isinstance(factory, Native) and factory.name in made:
        return collections.defaultdict(made[factory.name])
    return {}


def _import_module(ev: Interpreter, name: Any, package: Any = None) -> Any:
    """A module of Keras, or a file of the project, by its name."""
    from kt_translate.evaluate.imports import module_at

    said = ev.demand(name, "a module")
    known_there = isinstance(said, str) and not said.startswith(".")
    found = module_at(ev, said) if known_there else None
    if found is None or (isinstance(found, External) and not is_keras(found.path)):
        return Unknown("a module that is looked for by its name", ev.line)
    return found


def _of_plain(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        values = [ev.demand(a, "text") for a in args]
        if not plain(values) or not plain(kwargs):
            return Unknown(f"{function.__name__} of what is not known", ev.line)
        with as_the_source_would():
            return function(*values, **kwargs)

    return run


_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "eq": "==",
    "lt": "<",
    "gt": ">",
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **records.FUNCTIONS,
    **scikit.FUNCTIONS,
    **setting_files.FUNCTIONS,
    "enum.auto": lambda ev: External("enum.auto()"),
    "functools.reduce": _reduce,
    "itertools.chain": _over(itertools.chain),
    "itertools.chain.from_iterable": _chain,
    "itertools.product": _over(itertools.product),
    "itertools.combinations": _over(itertools.combinations, 1),
    "itertools.permutations": _over(itertools.permutations, 1),
    "itertools.islice": _over(itertools.islice, 1),
    "itertools.zip_longest": _over(itertools.zip_longest),
    "itertools.accumulate": _over(itertools.accumulate, 1),
    "itertools.repeat": _repeat,
    "itertools.starmap": _starmap,
    **{f"operator.{name}": _binary(op) for name, op in _OPERATORS.items()},
    "operator.itemgetter": _getter,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _default_dict,
    "importlib.import_module": _import_module,
    "ast.literal_eval": _of_plain(ast.literal_eval),
    "json.loads": _of_plain(json.loads),
    "os.path.basename": _of_plain(os.path.basename),
    "os.path.dirname": _of_plain(os.path.dirname),
    "os.path.splitext": _of_plain(os.path.splitext),
    "six.iteritems": lambda ev, d: _views(ev, d, "items"),
    "six.itervalues": lambda ev, d: _views(ev, d, "values"),
    "six.iterkeys": lambda ev, d: _views(ev, d, "keys"),
    "operator.index": _of_plain(operator.index),
}
