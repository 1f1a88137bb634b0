"""Python's builtins, on values that may be symbolic."""

from __future__ import annotations

import numbers
from collections import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import arrays, copies, indexing, ordering, setting_files, tensors
from kt_translate.evaluate.attributes import set_attribute
from kt_translate.evaluate.calls import attribute, call
from kt_translate.evaluate.lambdas import LambdaValue
from kt_translate.evaluate.lengths import demand_length
from kt_translate.evaluate.loop_samples import in_turns
from kt_translate.evaluate.model_layers import cannot_pick, withheld
from kt_translate.evaluate.signals import Raised, as_the_source_would
from kt_translate.evaluate.state import NotGeneral
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
    endless,
    holds_opaque,
    items_of,
    opaque,
    plain,
)
from kt_translate.graph.conditions import follows_mode
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import UNKNOWN, Items, Sym, call_symbolic, known
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.layer import REGISTRY
from kt_translate.layers.rnn import Recurrent

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


MANY = 1024  # of a data set: it counts no layers


def _symbolic(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A builtin that stays an expression where an argument is symbolic."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        args = tuple(arrays.number(ev, a) for a in args)
        if tensors_in(args):
            found = tensors.builtin(ev, name, args)
            if found is not NotImplemented:
                return found
        if name == "len" and isinstance(args[0], Array) and args[0].shape:
            count = args[0].shape[0]
            return (
                count
                if isinstance(count, int) and count < MANY
                else Unknown("the size of data", ev.line)
            )
        if name == "int" and len(args) == 1 and _is_size(args[0]):
            return args[0]
        if name == "bool" and len(args) == 1 and follows_mode(args[0]):
            return args[0]
        if name in ("min", "max") and kwargs and not any(map(opaque, args)):
            return ordering.extreme(ev, name, *args, **kwargs)
        if any(map(opaque, args)) or (name not in _OF_ANY and any(map(holds_opaque, args))):
            found = Unknown(f"{name} of what is not known", ev.line)
            found.parts = (name, args[0], None)
            return found
        if (
            any(isinstance(a, Sym) or (name in _CHOOSING and _symbolic_in(a)) for a in args)
            and not kwargs
        ):
            return call_symbolic(name, *args)
        with as_the_source_would():
            return function(*args, **kwargs)

    return run


def _is_size(value: Any) -> bool:
    """Whether it is the size of an axis, a whole number."""
    return isinstance(value, Sym) and value.head == "symbol" and value.args[0].kind == "dim"


def _iterating(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """enumerate, zip, reversed ...: lists of items."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        args = tuple(arrays.concrete(ev, a) for a in args)
        lists = [items_of(a, None) if not isinstance(a, int) else a for a in args]
        said = None in lists or (name == "sorted" and not kwargs)
        if any(isinstance(a, Sym) for a in args) and said:
            return call_symbolic(name, *args)
        if any(part is None or (name == "sorted" and holds_opaque(part)) for part in lists):
            return Unknown(f"{name} of what is not known", ev.line)
        if name == "sorted" and not plain([*args, kwargs]):
            demand_length(ev, args[0], "an order")
            found = ordering.ordered(ev, items_of(args[0], None) or [], **kwargs)
            return Unknown("sorted by what is not known", ev.line) if found is None else found
        with as_the_source_would():
            return Items(function(*lists, **kwargs), name, args)

    return run


def _sequence(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """``list`` and ``tuple`` of what is known item by item."""

    def run(ev: Interpreter, *args: Any) -> Any:
        if not args:
            return make()
        if isinstance(args[0], Sym):
            return call_symbolic(name, args[0])
        items = items_of(arrays.concrete(ev, args[0]), None)
        return Unknown(f"a {name} of what is not known", ev.line) if items is None else make(items)

    return run


def _symbolic_in(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(v, Sym) for v in value)


def _set(make: Callable[..., Any]) -> Callable[..., Any]:
    """``set`` and ``frozenset``: of what is plain, for only that can be compared."""

    def run(ev: Interpreter, *args: Any) -> Any:
        if not args:
            return make()
        found = items_of(args[0], None)
        items = None if found is None else indexing.settled_items(ev, found)
        if items is None or not plain(items):
            return Unknown("a set of what is not known", ev.line)
        with as_the_source_would():
            return make(items)

    return run


def _dict(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
    if not args:
        return kwargs
    if isinstance(args[0], Sym) and isinstance(args[0].value, dict) and not kwargs:
        return copies.copied(ev, args[0], deep=False)
    if isinstance(args[0], Sym):
        args = (copies.items_said(ev, args[0]),)
    if isinstance(args[0], dict):
        return {**args[0], **kwargs}
    pairs = items_of(args[0], None)
    if pairs is None or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs):
        return Unknown("a dict of what is not known", ev.line)
    with as_the_source_would():
        return {**dict(pairs), **kwargs}


def _map(ev: Interpreter, function: Any, *lists: Any) -> Any:
    items = [items_of(a, None) for a in lists]
    if any(part is None for part in items):
        return Unknown("a function of what is not known", ev.line)
    return [call(ev, function, list(turn), {}, None, None) for turn in zip(*items)]


def _filter(ev: Interpreter, function: Any, values: Any) -> Any:
    items = items_of(values, None)
    if items is None:
        return Unknown("a part of what is not known", ev.line)
    kept = [v if function is None else call(ev, function, [v], {}, None, None) for v in items]
    truths = [ev.truth(k) for k in kept]
    if None in truths:
        return Unknown("a part chosen by what is not known", ev.line)
    return [v for v, truth in zip(items, truths, strict=True) if truth]


def _iter(ev: Interpreter, values: Any, *until: Any) -> Any:
    items = None if until else items_of(values, None)
    return Unknown("an iterator of what is not known", ev.line) if items is None else items


def _next(ev: Interpreter, values: Any, *default: Any) -> Any:
    """The next of an iterator, which is the list of what is still to come."""
    if not isinstance(values, list) or endless(values):
        return Unknown("the next of what is not known", ev.line)
    if values:
        return values.pop(0)
    if default:
        return default[0]
    raise Raised("StopIteration")


def _isinstance(ev: Interpreter, value: Any, kinds: Any) -> Any:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    if getattr(value, "kind", None) == "part" and (hidden := withheld(ev, value)):
        return cannot_pick(ev, hidden)
    types = tuple(_TYPES.get(k.name) for k in wanted if isinstance(k, Native))
    if isinstance(value, Sym) and known(value) is UNKNOWN and len(types) == len(wanted):
        return call_symbolic("isinstance", value, types[0] if len(types) == 1 else types)
    if ev.flavour != "3" and isinstance(value, tuple) and any(map(_is_tensor_shape, wanted)):
        return not tensors_in(value)
    found = {_is_of(item, wanted) for item in in_turns(ev.loops, value)}
    return _of_all(ev, value, found)


def _is_tensor_shape(kind: Any) -> bool:
    """Whether it is the type of shapes that Keras 2 gives ``build``: tuples here."""
    return isinstance(kind, External) and kind.path.endswith(".TensorShape")


def _hasattr(ev: Interpreter, owner: Any, name: Any) -> bool:
    items = in_turns(ev.loops, owner)
    found = {not isinstance(attribute(ev, item, name), Unknown) for item in items}
    return _of_all(ev, owner, found)


def _of_all(ev: Interpreter, value: Any, found: set[bool]) -> bool:
    """What holds of a value in all turns, which is of one class then."""
    if len(found) > 1:
        raise NotGeneral  # of one kind in a turn, of another in the next
    if isinstance(value, Sym) and value.head == "index" and _is_mixed(known(value.args[0])):
        ev.demand(value, "the class of an item")
    return found.pop()


def _is_mixed(items: Any) -> bool:
    """Whether these are named tuples of several classes of the source."""
    rows = isinstance(items, (list, tuple)) and not any(isinstance(i, Instance) for i in items)
    return rows and len({id(getattr(item, "cls", None)) for item in items}) > 1


def _is_of(value: Any, wanted: tuple[Any, ...]) -> bool:
    sample = value if isinstance(value, (list, tuple, dict)) else known(value)
    for kind in wanted:
        if (
            isinstance(kind, Native)
            and kind.name in _TYPES
            and isinstance(sample, _TYPES[kind.name])
        ):
            return True
        if isinstance(kind, Class) and kind in _classes_of(sample):
            return True
        if isinstance(kind, External) and _is_layer_of(value, kind.path):
            return True
        if isinstance(kind, External) and isinstance(sample, _abstract(kind.path)):
            return True
        if (
            isinstance(kind, External)
            and isinstance(value, KerasObject)
            and kind.path.endswith(_BASES.get(value.path.split(".")[0], ""))
        ):
            return True
    return False


def _abstract(path: str) -> type | tuple[()]:
    """Python's abstract class of that name; none for any other."""
    package, _, name = path.rpartition(".")
    at = {"collections": abc, "collections.abc": abc, "typing": abc, "numbers": numbers}.get(
        package
    )
    found = getattr(at, name, ())
    return found if isinstance(found, type) else ()


def _is_layer_of(value: Any, path: str) -> bool:
    """Whether a value is a layer or model of a class of Keras's."""
    if isinstance(value, LayerValue):
        kind = Recurrent if path == "keras.layers.RNN" else REGISTRY.get(path.split(".")[-1])
        return path == "keras.Layer" or (kind is not None and isinstance(value.rule, kind))
    if isinstance(value, LambdaValue):
        return path in ("keras.Layer", "keras.layers.Lambda")
    if isinstance(value, ModelValue):
        return path in ("keras.Model", "keras.Layer")
    own = isinstance(value, Instance) and value.use is not None
    return own and path in ("keras.Layer", value.cls.keras_base())


def _classes_of(value: Any) -> list[Any]:
    """The classes of the source that an object is of."""
    cls = getattr(value, "cls", None)
    return cls.mro() if isinstance(cls, Class) else []


_BASES = {
    "initializers": ".Initializer",
    "regularizers": ".Regularizer",
    "constraints": ".Constraint",
}
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


def _getattr(ev: Interpreter, owner: Any, name: Any, *default: Any) -> Any:
    found = attribute(ev, owner, str(ev.demand(name, "an attribute")))
    return default[0] if default and isinstance(found, Unknown) else found


def _setattr(ev: Interpreter, owner: Any, name: Any, value: Any) -> None:
    set_attribute(ev, owner, str(ev.demand(name, "an attribute")), value)


def _type(ev: Interpreter, value: Any, *rest: Any) -> Any:
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, Tensor):
        return External("tf.Tensor")
    found = {type(known(item)).__name__ for item in in_turns(ev.loops, value)}
    if len(found) > 1:
        raise NotGeneral
    return NATIVES.get(found.pop(), Unknown("a type", ev.line))


def _super_of(ev: Interpreter, cls: Any = None, instance: Any = None) -> Any:
    return Super(cls, instance) if isinstance(cls, Class) else Unknown("super()", ev.line)


def _nothing(ev: Interpreter, *args: Any, **kwargs: Any) -> None:
    return None


_CHOOSING = ("max", "min", "any", "all")
_OF_ANY = ("len", "bool")  # of lists whose items are not known
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
    "xrange": _symbolic("range", range),
    **{name: _symbolic(name, function) for name, function in _PLAIN.items()},
    **{name: _iterating(name, function) for name, function in _ITERATING.items()},
    "list": _sequence("list", list),
    "tuple": _sequence("tuple", tuple),
    "slice": lambda ev, *args: slice(*args),
    "set": _set(set),
    "frozenset": _set(frozenset),
    "dict": _dict,
    "map": _map,
    "filter": _filter,
    "iter": _iter,
    "next": _next,
    "isinstance": _isinstance,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "setattr": _setattr,
    "print": _nothing,
    "open": setting_files.opened,
    "type": _type,
    "super": _super_of,
    "callable": lambda ev, f: isinstance(
        f, (Function, Method, Native, Partial, LayerValue, ModelValue, Class, External)
    ),
    "repr": lambda ev, v: repr(v) if plain(v) else Unknown("repr", ev.line),
}
NATIVES = {name: Native(name, function) for name, function in BUILTINS.items()}
