"""Python's builtins, on values that may be symbolic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import tensors
from kt_translate.evaluate.calls import attribute, call
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import (
    Array,
    Class,
    External,
    Function,
    Instance,
    LayerValue,
    Method,
    ModelValue,
    Native,
    Partial,
    Super,
    Unknown,
    items_of,
    plain,
)
from kt_translate.graph.sym import Items, Sym, call_symbolic, known
from kt_translate.graph.tensor import tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def _symbolic(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A builtin that stays an expression where an argument is symbolic."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        if tensors_in(args):
            found = tensors.builtin(ev, name, args)
            if found is not NotImplemented:
                return found
        if any(isinstance(a, (Unknown, Array)) for a in args):
            return Unknown(f"{name} of what is not known", ev.line)
        if any(isinstance(a, Sym) for a in args) and not kwargs:
            return call_symbolic(name, *args)
        with as_the_source_would():
            return function(*args, **kwargs)

    return run


def _iterating(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """enumerate, zip, reversed ...: lists of items."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        lists = [items_of(a, None) if not isinstance(a, int) else a for a in args]
        if any(isinstance(a, Sym) for a in args) and (None in lists or name == "sorted"):
            return call_symbolic(name, *args)
        if any(part is None for part in lists):
            return Unknown(f"{name} of what is not known", ev.line)
        return Items(function(*lists, **kwargs), name, args)

    return run


def _sequence(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """``list`` and ``tuple`` of what is known item by item."""

    def run(ev: Interpreter, *args: Any) -> Any:
        if not args:
            return make()
        if isinstance(args[0], (list, tuple, range, dict, set, str)):
            return make(args[0])
        if isinstance(args[0], Sym):
            return call_symbolic(name, args[0])
        return Unknown(f"a {name}", ev.line)

    return run


def _map(ev: Interpreter, function: Any, *lists: Any) -> Any:
    items = [items_of(a, None) or [] for a in lists]
    return [call(ev, function, list(turn), {}, None, None) for turn in zip(*items)]


def _isinstance(ev: Interpreter, value: Any, kinds: Any) -> Any:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    sample = known(value)
    for kind in wanted:
        if (
            isinstance(kind, Native)
            and kind.name in _TYPES
            and isinstance(sample, _TYPES[kind.name])
        ):
            return True
        if isinstance(kind, Class) and isinstance(value, Instance) and kind in value.cls.mro():
            return True
        if (
            isinstance(kind, External)
            and isinstance(value, LayerValue)
            and kind.path.endswith("." + type(value.rule).__name__)
        ):
            return True
        if (
            isinstance(kind, External)
            and isinstance(value, ModelValue)
            and kind.path in ("keras.Model", "keras.Layer")
        ):
            return True
    return False


_TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "bool": bool,
    "set": set,
}


def _getattr(ev: Interpreter, owner: Any, name: str, *default: Any) -> Any:
    found = attribute(ev, owner, name)
    return default[0] if default and isinstance(found, Unknown) else found


def _type(ev: Interpreter, value: Any, *rest: Any) -> Any:
    return value.cls if isinstance(value, Instance) else Unknown("a type", ev.line)


def _super_of(ev: Interpreter, cls: Any = None, instance: Any = None) -> Any:
    return Super(cls, instance) if isinstance(cls, Class) else Unknown("super()", ev.line)


def _nothing(ev: Interpreter, *args: Any, **kwargs: Any) -> None:
    return None


_PLAIN: dict[str, Callable[..., Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "len": len,
    "abs": abs,
    "round": round,
    "max": max,
    "min": min,
    "sum": sum,
    "range": range,
    "pow": pow,
    "divmod": divmod,
    "any": any,
    "all": all,
    "chr": chr,
    "ord": ord,
}
_ITERATING: dict[str, Callable[..., Any]] = {
    "enumerate": enumerate,
    "zip": zip,
    "reversed": reversed,
    "sorted": sorted,
}
BUILTINS: dict[str, Callable[..., Any]] = {
    **{name: _symbolic(name, function) for name, function in _PLAIN.items()},
    **{name: _iterating(name, function) for name, function in _ITERATING.items()},
    "list": _sequence("list", list),
    "tuple": _sequence("tuple", tuple),
    "set": lambda ev, *a: set(a[0]) if a and plain(a[0]) else set(),
    "dict": lambda ev, *a, **k: {
        **(dict(a[0]) if a and isinstance(a[0], (dict, list)) else {}),
        **k,
    },
    "map": _map,
    "filter": lambda ev, f, xs: (
        [x for x in xs if call(ev, f, [x], {}, None, None)] if isinstance(xs, (list, tuple)) else []
    ),
    "isinstance": _isinstance,
    "getattr": _getattr,
    "hasattr": lambda ev, o, n: not isinstance(attribute(ev, o, n), Unknown),
    "setattr": _nothing,
    "print": _nothing,
    "type": _type,
    "super": _super_of,
    "callable": lambda ev, f: isinstance(
        f, (Function, Method, Native, Partial, LayerValue, ModelValue, Class, External)
    ),
    "repr": lambda ev, v: repr(v) if plain(v) else Unknown("repr", ev.line),
}
