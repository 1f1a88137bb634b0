"""Calls, attributes and indexing of every kind of value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import external, models, tensors
from kt_translate.evaluate.values import (
    Array,
    Class,
    External,
    Function,
    Instance,
    Items,
    LayerValue,
    Method,
    ModelValue,
    Native,
    Partial,
    Scope,
    Super,
    Unknown,
    plain,
    tensors_in,
)
from kt_translate.graph.sym import Sym, call_symbolic, known
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import REGISTRY

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def text_of(value: Any) -> Any:
    return value if not plain(value) else str(value)


def is_known(path: str) -> bool:
    """Whether a name from ``import *`` is one that the module has."""
    last = path.split(".")[-1]
    return (
        last in REGISTRY
        or last in ("Input", "Model", "Sequential", "Layer")
        or path.startswith("numpy.")
    )


def set_trainable(owner: Any, value: bool) -> None:
    owner.trainable = value
    if isinstance(owner, LayerValue):
        owner.use.frozen = not value
    else:
        for layer in owner.layers:
            set_trainable(layer, value)


# -- attributes -----------------------------------------------------------------------------------


def attribute(ev: Interpreter, owner: Any, name: str) -> Any:
    """``owner.name``."""
    if isinstance(owner, External):
        return external.member(owner, name)
    if isinstance(owner, Instance):
        if name in owner.attributes:
            return owner.attributes[name]
        found = owner.cls.lookup(name)
        if isinstance(found, Function):
            return _bound(ev, found, owner)
        return Unknown(f"attribute {name} of {owner.cls.name}", ev.line) if found is None else found
    if isinstance(owner, Class):
        found = owner.lookup(name)
        return (
            owner.name
            if name == "__name__"
            else Unknown(f"{owner.name}.{name}", ev.line) if found is None else found
        )
    if isinstance(owner, Super):
        for base in owner.cls.mro()[1:]:
            if isinstance(base, Class) and isinstance(base.names.get(name), Function):
                return Method(base.names[name], owner.instance)
        return Native(f"super().{name}", lambda ev, *a, **k: None)
    if isinstance(owner, ModelValue):
        return models.attribute(ev, owner, name)
    if isinstance(owner, LayerValue):
        return models.layer_attribute(ev, owner, name)
    if isinstance(owner, Tensor):
        return _tensor_attribute(ev, owner, name)
    if isinstance(owner, Array):
        return external.array_attribute(owner, name)
    if isinstance(owner, Sym) and isinstance(owner.value, (str, list, tuple, dict)):
        ev.demand(owner, f".{name}")
        owner = owner.value
    if isinstance(owner, (str, list, tuple, dict, set)) and hasattr(owner, name):
        return Native(name, lambda ev, *a, **k: _method(ev, owner, name, a, k))
    if isinstance(owner, (int, float)) and hasattr(owner, name):
        return getattr(owner, name)
    return Unknown(f"attribute {name} of what is not known", ev.line)


def _bound(ev: Interpreter, function: Function, owner: Instance) -> Any:
    if "staticmethod" in function.decorators:
        return function
    if "property" in function.decorators:
        return call_function(ev, function, [owner], {})
    return Method(function, owner.cls if "classmethod" in function.decorators else owner)


def _tensor_attribute(ev: Interpreter, x: Tensor, name: str) -> Any:
    if name in ("shape", "_keras_shape"):
        return x.shape
    if name == "dtype":
        return x.dtype
    if name in ("ndim", "rank"):
        return x.rank
    if name == "get_shape":
        return Native(name, lambda ev: x.shape)
    if name == "as_list":
        return Native(name, lambda ev: list(x.shape))
    return Unknown(f"attribute {name} of a tensor", ev.line)


def _method(ev: Interpreter, owner: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    from kt_translate.evaluate.interpreter import Raised

    if isinstance(owner, str) and not (plain(args) and plain(kwargs)):
        if any(isinstance(a, Unknown) for a in (*args, *kwargs.values())):
            return Unknown("text of what is not known", ev.line)
        args, kwargs = [known(a) for a in args], {k: known(v) for k, v in kwargs.items()}
    if name in ("as_list",):
        return list(owner)
    try:
        return getattr(owner, name)(*args, **kwargs)
    except Exception as error:
        raise Raised(f"{type(error).__name__}: {error}") from error


# -- calls ----------------------------------------------------------------------------------------


def call(
    ev: Interpreter,
    function: Any,
    args: list[Any],
    kwargs: dict[str, Any],
    node: Any,
    scope: Scope | None,
) -> Any:
    """``function(*args, **kwargs)``."""
    if isinstance(function, Native):
        return function.call(ev, *args, **kwargs)
    if isinstance(function, External):
        return external.call(ev, function.path, args, kwargs, node)
    if isinstance(function, Function):
        return call_function(ev, function, args, kwargs)
    if isinstance(function, Method):
        return call_function(ev, function.function, [function.instance, *args], kwargs)
    if isinstance(function, Partial):
        return call(
            ev,
            function.function,
            [*function.args, *args],
            {**function.kwargs, **kwargs},
            node,
            scope,
        )
    if isinstance(function, LayerValue):
        return models.call_layer(ev, function, args, kwargs)
    if isinstance(function, ModelValue):
        return models.call_model(ev, function, args, kwargs)
    if isinstance(function, Class):
        return _instantiate(ev, function, args, kwargs)
    if isinstance(function, Instance):
        method = function.cls.lookup("call") or function.cls.lookup("__call__")
        if isinstance(method, Function):
            if function.cls.keras_base():
                ev.note("KT201", f"no rule yet for the subclassed layer {function.cls.name}")
            return call_function(ev, method, [function, *args], kwargs)
    if tensors_in(args):
        ev.note("KT107", "what is called with a tensor here is not known")
    return Unknown("the result of a call of what is not known", ev.line)


def _instantiate(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    instance = Instance(cls, {}, args, kwargs, ev.line)
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        call_function(ev, init, [instance, *args], kwargs)
    return instance


def call_function(
    ev: Interpreter, function: Function, args: list[Any], kwargs: dict[str, Any]
) -> Any:
    """Run a function of the source on these arguments. Its result is unknown where it recurses without end."""
    from kt_translate.evaluate.interpreter import MAX_DEPTH, LimitReached, Return

    scope = Scope(
        "function", bind_arguments(ev, function, args, kwargs), function.scope, function=function
    )
    if ev.depth >= MAX_DEPTH:
        raise LimitReached(f"{function.name} calls itself more than {MAX_DEPTH} levels deep")
    ev.depth += 1
    line = ev.line
    try:
        if isinstance(function.node, cst.Lambda):
            return ev.evaluate(function.node.body, scope)
        ev.suite(function.node.body, scope)
    except Return as result:
        return result.value
    finally:
        ev.depth -= 1
        ev.line = line
    return None


def bind_arguments(
    ev: Interpreter, function: Function, args: list[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Parameter names -> values, as Python binds them. Raises Raised(TypeError) for arguments that do not fit."""
    from kt_translate.evaluate.interpreter import Raised

    params = function.node.params
    positional = [p.name.value for p in (*params.posonly_params, *params.params)]
    names: dict[str, Any] = dict(zip(positional, args))
    rest = args[len(positional) :]
    if isinstance(params.star_arg, cst.Param):
        names[params.star_arg.name.value] = tuple(rest)
    elif rest:
        raise Raised(
            f"TypeError: {function.name} takes {len(positional)} arguments, {len(args)} were given"
        )
    allowed = {*positional, *(p.name.value for p in params.kwonly_params)}
    extra = {k: v for k, v in kwargs.items() if k not in allowed}
    names.update({k: v for k, v in kwargs.items() if k in allowed})
    if params.star_kwarg is not None:
        names[params.star_kwarg.name.value] = extra
    elif extra:
        raise Raised(f"TypeError: {function.name} has no argument {next(iter(extra))!r}")
    for name in allowed - names.keys():
        names[name] = function.defaults.get(
            name, Unknown(f"the argument {name} of {function.name}", ev.line)
        )
    return names


# -- indexing -------------------------------------------------------------------------------------


def index(ev: Interpreter, value: Any, key: Any) -> Any:
    """``value[key]``."""
    from kt_translate.evaluate.interpreter import Raised

    if isinstance(value, Tensor):
        return tensors.index(ev, value, key)
    if isinstance(value, Array):
        return external.array_index(value, key)
    if isinstance(value, Unknown) or isinstance(key, Unknown):
        return Unknown("an element of what is not known", ev.line)
    if isinstance(value, Sym):
        return Sym.index(value, key) if not isinstance(key, slice) else _sliced(ev, value, key)
    if isinstance(key, Sym) or not plain(key):
        key = ev.demand(key, "an index")
    try:
        return value[key]
    except Exception as error:
        raise Raised(f"{type(error).__name__}: {error}") from error


def _sliced(ev: Interpreter, value: Sym, key: slice) -> Any:
    sample = ev.demand(value, "a slice")
    return sample[key] if isinstance(sample, (tuple, list, str)) else Unknown("a slice", ev.line)


# -- builtins -------------------------------------------------------------------------------------


def _symbolic(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A builtin that stays an expression where an argument is symbolic."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        from kt_translate.evaluate.interpreter import Raised

        if any(isinstance(a, (Unknown, Array)) for a in args):
            return Unknown(f"{name} of what is not known", ev.line)
        if any(isinstance(a, Sym) for a in args) and not kwargs:
            return call_symbolic(name, *args)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise Raised(f"{type(error).__name__}: {error}") from error

    return run


def _iterating(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """enumerate, zip, reversed ...: lists of items."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        from kt_translate.evaluate.expressions import items_of

        lists = [items_of(a, None) if not isinstance(a, int) else a for a in args]
        for a in args:
            if isinstance(a, Sym):
                ev.demand(a, f"the length of what {name} takes")
        if any(part is None for part in lists):
            return Unknown(f"{name} of what is not known", ev.line)
        return Items(function(*lists, **kwargs), name, args)

    return run


def _map(ev: Interpreter, function: Any, *lists: Any) -> Any:
    from kt_translate.evaluate.expressions import items_of

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
    "list": lambda ev, *a: (
        list(a[0])
        if a and isinstance(a[0], (list, tuple, range, dict, set, str))
        else _listed(ev, *a)
    ),
    "tuple": lambda ev, *a: (
        tuple(a[0])
        if a and isinstance(a[0], (list, tuple, range, dict, set, str))
        else _tupled(ev, *a)
    ),
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


def _listed(ev: Interpreter, *args: Any) -> Any:
    return (
        []
        if not args
        else (
            call_symbolic("list", args[0])
            if isinstance(args[0], Sym)
            else Unknown("a list", ev.line)
        )
    )


def _tupled(ev: Interpreter, *args: Any) -> Any:
    return (
        ()
        if not args
        else (
            call_symbolic("tuple", args[0])
            if isinstance(args[0], Sym)
            else Unknown("a tuple", ev.line)
        )
    )


__all__ = ["BUILTINS", "attribute", "call", "index", "is_known", "math"]
