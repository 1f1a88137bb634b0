"""Weights of the source's own layers: ``add_weight``, and variables kept as attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import weight_code
from kt_translate.evaluate.values import (
    Array,
    External,
    Function,
    Instance,
    Partial,
    Unknown,
    is_computed,
)
from kt_translate.graph.arrays import replayed
from kt_translate.graph.nodes import ModuleUse, WeightNode
from kt_translate.graph.objects import KerasObject, says_setting
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Tensor

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

NAME_FIRST = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
SHAPE_FIRST = (
    "shape",
    "initializer",
    "dtype",
    "trainable",
    "autocast",
    "regularizer",
    "constraint",
)
VARIABLES = ("keras.Variable", "tf.Variable", "keras.backend.variable")


def add_weight(ev: Interpreter, instance: Instance, args: Any, kwargs: dict[str, Any]) -> Any:
    """``layer.add_weight(...)``. Before Keras 3 the name came first."""
    first_is_name = bool(args) and (
        isinstance(known(args[0]), str) or (ev.flavour != "3" and args[0] is None)
    )
    given = dict(zip(NAME_FIRST if first_is_name else SHAPE_FIRST, args, strict=False), **kwargs)
    return make_weight(ev, given)


def make_variable(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``keras.Variable``, ``tf.Variable`` and ``K.variable``: a weight that starts with a value."""
    order = {
        "keras.Variable": ("initializer", "shape", "dtype", "trainable"),
        "tf.Variable": (
            "initial_value",
            "trainable",
            "validate_shape",
            "caching_device",
            "name",
            "variable_def",
            "dtype",
        ),
    }.get(path, ("value", "dtype", "name", "constraint"))
    given = dict(zip(order, args, strict=False), **kwargs)
    start = next(
        (given.pop(k) for k in ("initial_value", "value", "initializer") if k in given), None
    )
    if isinstance(start, Array) and start.fill is not None:
        given["shape"], start = start.shape, KerasObject("initializers.Constant", [start.fill], {})
    if isinstance(start, KerasObject) and start.path == "initializers.Constant" and start.args:
        start = start.args[0] if is_computed(start.args[0]) else start
    if isinstance(start, (Unknown, Array)) and given.get("shape") is None:
        shape = getattr(start, "shape", None)
        if shape is None:
            return Unknown("a variable with a value that is not known", ev.line)
        given["shape"] = shape
    if isinstance(start, KerasObject) and start.path == "initial":
        start, given["shape"] = start.args
    elif isinstance(start, Tensor):
        given["shape"] = start.shape
    elif isinstance(known(start), (int, float)) and not isinstance(known(start), bool):
        given.setdefault("shape", ())
        value = start if isinstance(start, Sym) else float(known(start))
        start = KerasObject("initializers.Constant", [value], {})
    if is_computed(start) and start.step is not None:
        given.setdefault("dtype", start.dtype)
        start = replayed(start.step)
    if isinstance(start, (Unknown, Array)):
        ev.note(
            "KT204", "the first value of this variable is not translated: it comes with the weights"
        )
        start = "zeros"
    given["initializer"] = start
    return make_weight(ev, given)


def initial_value(initializer: KerasObject, args: list[Any], kwargs: dict[str, Any]) -> KerasObject:
    """``initializer(shape)``: what a variable starts with."""
    shape = kwargs.get("shape", args[0] if args else ())
    return KerasObject("initial", [initializer, shape], {})


def make_weight(ev: Interpreter, given: dict[str, Any]) -> Any:
    """A weight of the class at hand, from what ``add_weight`` takes by name."""
    shape = given.get("shape")
    shape = () if shape is None else shape
    if isinstance(shape, Sym) and isinstance(known(shape), (tuple, list)):
        shape = tuple(Sym.index(shape, i) for i in range(len(shape.value)))
    elif isinstance(shape, (int, Sym)):
        shape = (shape,)
    if not isinstance(shape, (tuple, list)) or any(
        d is None or isinstance(d, Unknown) for d in shape
    ):
        ev.note("KT303", "the shape of this weight is not known")
        return Unknown("a weight of unknown shape", ev.line)
    tensor = Tensor(tuple(shape), _dtype(given.get("dtype")))
    name = known(given.get("name"))
    use = ModuleUse("weight", None, name if isinstance(name, str) else None, line=ev.line)
    use.region = CURRENT[-1]
    trainable = ev.demand(given["trainable"], "trainable=") if "trainable" in given else True
    use.frozen = trainable is False
    settings = {
        k: _setting(ev, k, given.get(k), tensor)
        for k in ("initializer", "regularizer", "constraint")
    }
    CURRENT[-1].add(
        WeightNode(
            [],
            [tensor],
            ev.line,
            use,
            settings["initializer"],
            settings["regularizer"],
            settings["constraint"],
        )
    )
    return tensor


def told_start(ev: Interpreter, value: Any, what: str) -> Any:
    """An initializer that has a translation; None, which stands for Keras's default, for any other."""
    if not isinstance(value, (Unknown, Function, Instance, Partial)):
        return value
    called = value.cls.name if isinstance(value, Instance) else getattr(value, "name", "")
    by = f"{called} of the source's own" if called else "what is not known"
    ev.note("KT208", f"{what} starts by {by}: the module starts by Keras's default instead")
    return None


def with_told_starts(ev: Interpreter, layer: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The settings of a layer, without the initializers that have no translation."""
    told = {
        k: told_start(ev, v, f"the {k.removesuffix('_initializer')} of {layer}")
        for k, v in kwargs.items()
        if k.endswith("_initializer") and v is not None
    }
    return {k: v for k, v in kwargs.items() if told.get(k, v) is not None or v is None}


def _setting(ev: Interpreter, name: str, value: Any, weight: Tensor) -> Any:
    if name == "initializer":
        value = told_start(ev, value, "a weight")
    else:
        value = weight_code.of_weight(ev, name, value, weight)
    if isinstance(value, Unknown):
        ev.note("KT102", f"the {name} of this weight is not known")
        return None
    handed_on = name != "constraint" and says_setting(value)
    return value if _is_array(value) or handed_on else ev.demand(value, f"the {name} of a weight")


def _is_array(value: Any) -> bool:
    """Whether it is NumPy code, or the name of what such code has made."""
    if isinstance(value, Sym) and value.head == "symbol" and value.args[0].kind == "local":
        return _is_array(value.args[0].origin)
    return isinstance(value, Sym) and value.head == "array"


def _dtype(value: Any) -> str:
    value = known(value)
    if isinstance(value, External):
        value = value.path.split(".")[-1]
    if not isinstance(value, str):
        return "float32"
    return {"int": "int32", "float": "float32", "float64": "float32"}.get(value, value)
