"""NumPy on settings: arrays that the class at hand computes, since their sizes or values hang on its parameters.

Only shape and type are known of such an array here. The functions on tensors tell both for each step; the code of the
steps themselves stays NumPy's, and becomes a buffer where a tensor is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import array_functions
from kt_translate.evaluate.guards import guarded
from kt_translate.evaluate.numbers import Numbers, binary, typed
from kt_translate.evaluate.numbers import index as index_numbers
from kt_translate.evaluate.numbers import put as put_number
from kt_translate.evaluate.values import Array, External, Native, Unknown, is_computed
from kt_translate.graph.arrays import ArrayNode, Step, replayed
from kt_translate.graph.nodes import ModuleUse
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import Sym, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.indexing import index_tensor
from kt_translate.ops.op import OPS, call_op
from kt_translate.ops.values import is_float

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAKING = ("arange", "zeros", "ones", "empty", "full", "eye", "identity", "tri")
CASTS = ("float32", "float64", "int32", "int64")
METHODS = {
    **{
        n: n for n in ("sum", "mean", "max", "min", "prod", "std", "var", "round", "clip", "repeat")
    },
    **{n: n for n in ("argmax", "argmin", "squeeze", "swapaxes", "cumsum", "dot")},
    "reshape": "reshape",
    "transpose": "transpose",
    "flatten": "ravel",
    "ravel": "ravel",
    "copy": "copy",
    "astype": "cast",
}
MAX_PUTS = 32  # into one array: more is a loop, which no class says as statements
SAME = {  # functions on tensors that NumPy has by the same name and with the same arguments
    **{f"keras.ops.{n}": n for n in ("reshape", "transpose", "expand_dims", "where", "stack")},
    **{f"tf.{n}": n for n in ("reshape", "transpose", "expand_dims", "where", "stack")},
    **{
        f"{p}.{n}": n for p in ("keras.ops", "tf", "tf.math") for n in ("sin", "cos", "exp", "sqrt")
    },
    **{"keras.ops.concatenate": "concatenate", "tf.concat": "concatenate"},
}
AS_THEY_ARE = (
    *("keras.ops.convert_to_tensor", "keras.ops.cast", "keras.ops.array", "keras.backend.constant"),
    *("tf.convert_to_tensor", "tf.constant", "tf.cast", "keras.backend.cast"),
)
_KEYWORDS = {"perm": "axes", "newshape": "shape", "input": "a", "x": "a", "values": "arrays"}


def is_kept(name: str, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether the class at hand is to compute ``np.name(...)``: on arrays of its own, or to make one of its settings."""
    given = [*args, *kwargs.values()]
    return holds_computed(given) or (
        name in MAKING and any(isinstance(v, Sym) for v in _leaves(given))
    )


def is_told(args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether nothing that a function is given is data."""
    return _speakable(_steps([*args, *kwargs.values()]))


def asks_more(value: Any, key: Any) -> bool:
    """Whether NumPy finds in numbers that are known what lists have not: axes of 1, and all axes between."""
    keys = key if isinstance(key, tuple) else (key,)
    return isinstance(value, Numbers) and any(k is None or k is Ellipsis for k in keys)


def holds_computed(value: Any) -> bool:
    return any(map(is_computed, _leaves(value)))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)) and not isinstance(value, Numbers):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]


def of_numbers(value: Numbers) -> Array:
    """Numbers that are known, as the source makes them."""
    step = value.origin or Step("call", "array", (_lists(value),))
    return Array(value.shape, value.dtype, step=step)


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, Numbers) else value


# -- steps ------------------------------------------------------------------------------------------


def call(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``np.name(...)`` of arrays, or of settings that make one; NotImplemented where it is not known."""
    path = next((p for p in (f"numpy.{name}", f"keras.ops.{name}") if p in OPS), None)
    if name in CASTS:
        path = "keras.ops.cast"
    if path is None:
        return NotImplemented
    given = {k: v for k, v in kwargs.items() if k != "dtype"}
    more = [name] if name in CASTS else []
    return _step(
        ev,
        Step("call", name, _steps(tuple(args)), _steps(kwargs)),
        lambda: call_op(path, _stand_in([*args, *more]), _stand_in(given)),
    )


def operate(ev: Interpreter, op: str, *operands: Any) -> Any:
    """``a op b``, and ``op a``."""
    a, b = operands if len(operands) > 1 else (None, operands[0])
    return _step(
        ev,
        Step("operator", op, _steps(operands)),
        lambda: _stand_in(b) if a is None else operation(op, _stand_in(a), _stand_in(b)),
    )


def index(ev: Interpreter, value: Any, key: Any) -> Any:
    """``value[key]``."""
    key = axis_keys(key)
    if isinstance(value, Numbers):
        value = of_numbers(value)
    if _at_run_time(key):
        return guarded(ev, lambda: index_tensor(as_tensor(value), key))
    return _step(
        ev,
        Step("index", "", (value.step, _steps(key))),
        lambda: index_tensor(_stand_in(value), _stand_in(key)),
    )


def axis_keys(key: Any) -> Any:
    """The key with None for ``np.newaxis`` and ``tf.newaxis``."""
    if isinstance(key, tuple):
        return tuple(map(axis_keys, key))
    return None if isinstance(key, External) and key.path.endswith(".newaxis") else key


def _at_run_time(key: Any) -> bool:
    """Whether an index is read off tensors: then it is for `forward` to do."""
    if isinstance(key, slice):
        return _at_run_time((key.start, key.stop, key.step))
    if isinstance(key, tuple):
        return any(map(_at_run_time, key))
    return isinstance(key, Tensor) or any(s.kind == "dim" for s in symbols_in(key))


def attribute(ev: Interpreter, value: Array, name: str) -> Any:
    """``value.name``; NotImplemented for what is not known of arrays."""
    facts = {"shape": value.shape, "ndim": len(value.shape or ()), "dtype": value.dtype}
    if name in facts:
        return facts[name]
    if name == "get_shape":  # of what a function of TensorFlow made of it
        return Native(name, lambda ev: value.shape)
    if name == "T":
        found = Step("attribute", "T", (value.step,))
        return _step(ev, found, lambda: call_op("keras.ops.transpose", [_stand_in(value)], {}))
    if name not in METHODS:
        return NotImplemented
    return Native(name, lambda ev, *a, **k: _method(ev, value, name, a, k))


def _method(
    ev: Interpreter, value: Array, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    given: list[Any] = list(args)
    if name in ("reshape", "transpose") and len(given) != 1 and given:
        given = [tuple(given)]
    given = [] if name in ("flatten", "ravel", "copy") else given
    step = Step("method", name, (value.step, *_steps(args)), _steps(kwargs))
    path = f"keras.ops.{METHODS[name]}"
    return _step(ev, step, lambda: call_op(path, [_stand_in(value), *_stand_in(given)], kwargs))


def put(ev: Interpreter, value: Array, key: Any, new: Any, op: str = "") -> None:
    """``value[key] = new``, or with an operator before the ``=``."""
    value.fill = None
    last, given = value.step, (_steps(key), _steps(new))
    if last is None or value.puts == MAX_PUTS or not _speakable(given):
        value.step = None
        return
    for seen in last.seen_through:
        seen.stale = True
    value.step = Step("put", op, (last, *given), name=last.name)
    value.puts += 1


def _step(ev: Interpreter, step: Step, shaped: Callable[[], Any]) -> Any:
    """What a step gives. Shape and type are those of the same on tensors."""
    if not _speakable([step.args, step.kwargs]):
        return Unknown("an array of what is not known", ev.line)
    CURRENT.append(Region())
    try:
        found = shaped()
    except RuleError as error:
        return Unknown(error.message, ev.line)
    finally:
        CURRENT.pop()
    if isinstance(found, (list, tuple)):
        return [_made(part, Step("part", "", (step, i))) for i, part in enumerate(found)]
    return _made(found, step)


def _made(found: Any, step: Step) -> Any:
    if not isinstance(found, Tensor):
        return found
    whole = "bool" if found.dtype == "bool" else "int64"
    return Array(found.shape, "float64" if is_float(found.dtype) else whole, step=step)


def _speakable(value: Any) -> bool:
    """Whether the code to be can say what a step is given."""
    if isinstance(value, slice):
        return _speakable([value.start, value.stop, value.step])
    if isinstance(value, dict):
        return all(map(_speakable, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_speakable, value))
    return (
        value is None or value is Ellipsis or isinstance(value, (Step, Sym, bool, int, float, str))
    )


def _steps(value: Any) -> Any:
    """What a step is given, with the steps of arrays in their place."""
    if isinstance(value, Array):
        return value.step or value
    if isinstance(value, Numbers):
        return of_numbers(value).step
    if isinstance(value, slice):
        return slice(*(_steps(p) for p in (value.start, value.stop, value.step)))
    if isinstance(value, list) and (whole := _all_of(value)) is not None:
        return whole
    if isinstance(value, (list, tuple)):
        return type(value)(_steps(v) for v in value) if type(value) in (list, tuple) else [*value]
    if isinstance(value, dict):
        return {k: _steps(v) for k, v in value.items()}
    return value


def _all_of(values: list[Any]) -> Step | None:
    """The step that gave all of these arrays at once."""
    steps = [v.step for v in values if isinstance(v, Array) and v.step is not None]
    if not steps or len(steps) < len(values) or any(s.kind != "part" for s in steps):
        return None
    in_order = [s.args for s in steps] == [(steps[0].args[0], i) for i in range(len(steps))]
    return steps[0].args[0] if in_order else None


def _stand_in(value: Any) -> Any:
    """The same with tensors of their shape for arrays."""
    if isinstance(value, Array):
        return Tensor(value.shape or (), value.dtype)
    if isinstance(value, Numbers):
        return Tensor(value.shape, value.dtype)
    if isinstance(value, slice):
        return slice(*(_stand_in(p) for p in (value.start, value.stop, value.step)))
    if isinstance(value, (list, tuple)):
        return type(value)(_stand_in(v) for v in value)
    if isinstance(value, dict):
        return {k: _stand_in(v) for k, v in value.items()}
    return value


# -- tensors ----------------------------------------------------------------------------------------


def on_arrays(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A function on tensors that is given arrays only: NumPy does the same; NotImplemented for all others."""
    given = [*args, *kwargs.values()]
    if path.startswith("numpy.") or not holds_computed(given) or tensors_in(given):
        return NotImplemented
    if path in AS_THEY_ARE:
        return next(filter(is_computed, given))
    if path not in SAME:
        return NotImplemented
    kwargs = {_KEYWORDS.get(k, k): v for k, v in kwargs.items() if k != "name"}
    return call(ev, SAME[path], args, kwargs)


def as_tensors(value: Any) -> Any:
    """The same with tensors for the arrays that the class computes."""
    if is_computed(value):
        return as_tensor(value)
    if isinstance(value, dict):
        return {k: as_tensors(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and holds_computed(value):
        return type(value)(as_tensors(v) for v in value)
    return value


def entering(ev: Interpreter, args: list[Any]) -> list[Any]:
    """What a layer is called with: within a class, arrays are a part of it; elsewhere they are data."""
    return as_tensors(args) if ev.under_way else args


def as_tensor(value: Array) -> Tensor:
    """A buffer with what the array has in it."""
    assert value.step is not None
    assert value.shape is not None
    made = CURRENT[-1].arrays.get(("tensor", value.step))
    if made is None:
        said = replayed(value.step)
        dtype = "float32" if is_float(value.dtype) else value.dtype
        made = Tensor(value.shape, dtype, name=value.step.name)
        use = ModuleUse("array", None, value.step.name)
        use.region = CURRENT[-1]
        CURRENT[-1].add(ArrayNode([], [made], 0, said, use))
        CURRENT[-1].arrays["tensor", value.step] = made
    return made


def concrete(ev: Interpreter, value: Any) -> Any:
    """An array by its numbers, where the source asks for them one by one: for the settings at hand."""
    if not isinstance(value, Array) or value.step is None:
        return value
    found = _numbers(ev, value.step)
    return value if found is NotImplemented else found


def number(ev: Interpreter, value: Any) -> Any:
    """An element of an array, for the settings at hand; everything else as it is."""
    return concrete(ev, value) if isinstance(value, Array) and value.shape == () else value


def _known(ev: Interpreter, value: Any) -> Any:
    if isinstance(value, (list, tuple)) and not isinstance(value, Numbers):
        return type(value)(_known(ev, v) for v in value)
    return _numbers(ev, value) if isinstance(value, Step) else value


def _numbers(ev: Interpreter, step: Step) -> Any:
    """What a step gives for the settings at hand; NotImplemented where that is not done."""
    args = [_known(ev, a) for a in step.args]
    if any(a is NotImplemented for a in _leaves(args)):
        return NotImplemented
    if step.kind == "call":
        return array_functions.call(ev, step.what, args, step.kwargs)
    if step.kind == "operator" and len(args) > 1:
        return binary(ev, step.what, *args)
    if step.kind == "index" and isinstance(args[0], Numbers):
        return index_numbers(args[0], args[1])
    if step.kind == "put" and isinstance(args[0], Numbers):
        value, key, new = typed(args[0], args[0].dtype), *args[1:]
        put_number(
            value, key, binary(ev, step.what, index_numbers(value, key), new) if step.what else new
        )
        return value
    if step.kind == "method" and isinstance(args[0], Numbers):
        found = array_functions.attribute(ev, args[0], step.what)
        given = found.call(ev, *args[1:], **step.kwargs) if isinstance(found, Native) else found
        return NotImplemented if isinstance(given, Unknown) else given
    return NotImplemented
