"""What comes from outside the file: Keras's makers, numpy and math on known values, data sets, and the rest of the world."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import (
    activations,
    applications,
    array_functions,
    arrays,
    conv_utils,
    copies,
    custom_objects,
    data,
    equal_parts,
    models,
    own_weights,
    scripts,
    standard,
)
from kt_translate.evaluate.callers import CALLING, call_with_functions
from kt_translate.evaluate.guards import guarded
from kt_translate.evaluate.internals import INTERNALS, phase
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import (
    Array,
    External,
    Partial,
    Unknown,
    holds_opaque,
    opaque,
    plain,
)
from kt_translate.graph.conditions import TRAINING
from kt_translate.graph.objects import KerasFunction, KerasObject
from kt_translate.graph.operators import FUNCTIONS
from kt_translate.graph.sym import Sym, call_symbolic, known
from kt_translate.graph.tensor import tensors_in
from kt_translate.layers.decisions import decisions
from kt_translate.layers.layer import RuleError
from kt_translate.ops.op import OPS, call_op, precision_of
from kt_translate.source.names import canonical

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_OBJECTS = (
    "initializers",
    "regularizers",
    "constraints",
    "optimizers",
    "losses",
    "metrics",
    "callbacks",
)
_TF_INITIALIZERS = {
    "tf.random_normal_initializer": "RandomNormal",
    "tf.random_uniform_initializer": "RandomUniform",
    "tf.truncated_normal_initializer": "TruncatedNormal",
    "tf.constant_initializer": "Constant",
    "tf.zeros_initializer": "Zeros",
    "tf.ones_initializer": "Ones",
}
_CONSTANTS = {
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "numpy.pi": math.pi,
    "numpy.inf": math.inf,
    "typing.TYPE_CHECKING": False,
    **standard.CONSTANTS,
}
_DATA: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "mnist": ((60000, 28, 28), (60000,)),
    "fashion_mnist": ((60000, 28, 28), (60000,)),
    "cifar10": ((50000, 32, 32, 3), (50000, 1)),
    "cifar100": ((50000, 32, 32, 3), (50000, 1)),
    "boston_housing": ((404, 13), (404,)),
    "california_housing": ((16512, 8), (16512,)),
}


_CLASSES = {"cifar100": 100}


def member(owner: External, name: str) -> Any:
    """``module.name``, under its canonical path."""
    return outside(canonical(f"{owner.path}.{name}"))


def outside(path: str) -> Any:
    """What a canonical path stands for: a constant that is known, else the path itself."""
    name = path.split(".")[-1]
    if path in _CONSTANTS:
        return _CONSTANTS[path]
    if path.startswith(("six.moves.", "builtins.", "past.builtins.")):
        return standard.builtin(path)
    if path.startswith("numpy.") and name in (
        "float32",
        "float64",
        "int32",
        "int64",
        "uint8",
        "newaxis",
    ):
        return None if name == "newaxis" else name
    if path.startswith("tf.") and name in (
        "float16",
        "float32",
        "float64",
        "int32",
        "int64",
        "uint8",
        "string",
        "bool",
    ):
        return name
    return External(path)


def call(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """A call of something outside the file."""
    if path in INTERNALS:
        return INTERNALS[path](ev, *args, **kwargs)
    if path in standard.FUNCTIONS:
        return standard.FUNCTIONS[path](ev, *args, **kwargs)
    if path in CALLING:
        return guarded(ev, lambda: call_with_functions(ev, path, args, kwargs), node)
    done = arrays.on_arrays(ev, path, args, kwargs)
    if done is not NotImplemented:
        return done
    if path in OPS and (not path.startswith("numpy.") or tensors_in([args, kwargs])):
        args, kwargs = arrays.as_tensors(args), arrays.as_tensors(kwargs)
    known = not any(isinstance(a, (Array, Unknown)) for a in (*args, *kwargs.values()))
    if not tensors_in([args, kwargs]):  # parts of data are data
        known = known and not any(map(holds_opaque, (*args, *kwargs.values())))
    on_tensors = not path.startswith("numpy.") or bool(tensors_in([args, kwargs]))
    if path in equal_parts.ARGUMENTS:
        parts = equal_parts.split(ev, path, args, kwargs, node)
        if parts is not None:
            return parts
    if path in OPS and known and on_tensors:
        return _op(ev, path, args, kwargs, node)
    if path in own_weights.VARIABLES:
        return own_weights.make_variable(ev, path, args, kwargs)
    if path == "argparse.ArgumentParser":
        return scripts.make_parser(ev)
    if path in _TF_INITIALIZERS:
        return _object(ev, f"initializers.{_TF_INITIALIZERS[path]}", args, kwargs)
    if path.startswith(("keras.", "tf.keras.")):
        return _keras(ev, path, args, kwargs, node)
    if path.startswith("math."):
        return _math(ev, path, args)
    if path.startswith("numpy."):
        if path.startswith("numpy.random."):
            return data.random(ev, path.split(".")[-1], args, kwargs)
        return _numpy(ev, path[len("numpy.") :], args, kwargs)
    if path in ("functools.partial",) and args:
        return Partial(args[0], args[1:], kwargs)
    if path in ("os.environ.get", "os.getenv"):
        return args[1] if len(args) > 1 else None
    if path in ("copy.copy", "copy.deepcopy") and args:
        return copies.copied(ev, args[0], path == "copy.deepcopy")
    if path == "os.path.join" and plain(args):
        return "/".join(str(a) for a in args)
    return Unknown(f"the result of {path}", ev.line)


def _op(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    if path.endswith("equal"):  # of the phase that Keras is in, 0 or 1
        args = [phase() if isinstance(a, Sym) and a.symbols == {TRAINING} else a for a in args]
    try:
        return _called(ev, path, args, kwargs)
    except RuleError as error:
        if not tensors_in([args, kwargs]):  # data, on which no model hangs so far
            return Unknown(error.message, ev.line)
        taken = [_taken(ev, path, a) for a in args], {
            k: _taken(ev, path, v) for k, v in kwargs.items()
        }
    return guarded(ev, lambda: _called(ev, path, *taken), node)


def _called(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    with decisions() as taken:
        result = call_op(path, args, kwargs)
    for value, what in taken:
        ev.demand(value, f"{what} of {path}")
    ev.precision = max(ev.precision, precision_of(path, args, kwargs))
    return result


def _taken(ev: Interpreter, path: str, value: Any) -> Any:
    """A flag or a word as its sample has it, where the operation has to know it."""
    is_word = isinstance(value, Sym) and isinstance(value.value, (str, bool))
    return ev.demand(value, f"a setting of {path}") if is_word else value


def _keras(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    if path.removeprefix("keras.") in custom_objects.PATHS:
        return ev.custom_objects
    if path in copies.FUNCTIONS:
        return copies.FUNCTIONS[path](ev, *args, **kwargs)
    if path.startswith(applications.ROOT):
        return applications.call(ev, path, args, kwargs)
    parts = path.split(".")
    last = parts[-1]
    if last in ("Input", "Model", "Sequential") and len(parts) == 2:
        return models.make(ev, last, args, kwargs)
    if parts[1] == "layers":
        return models.make_layer(ev, last, args, kwargs, node)
    if parts[1] in ("initializers", "regularizers", "constraints") and last == "get" and args:
        return args[0]
    if parts[1] in _OBJECTS:
        name = ".".join(parts[1:])
        if last[:1].islower() and parts[1] not in ("regularizers", "initializers", "constraints"):
            return KerasFunction(name)
        return _object(ev, name, [arrays.concrete(ev, a) for a in args], kwargs)
    if parts[1] == "activations":
        return activations.activate(ev, last, args, kwargs)
    if last == "load_data" and parts[1] == "datasets":
        return _data_set(ev, parts[-2])
    if last in conv_utils.FUNCTIONS and parts[1] in ("utils", "backend"):
        return conv_utils.FUNCTIONS[last](ev, *args, **kwargs)
    if last == "image_data_format":
        return ev.data_format
    if last == "image_dim_ordering":
        return "th" if ev.data_format == "channels_first" else "tf"
    if last in ("set_image_data_format", "set_image_dim_ordering") and args:
        said = known(args[0])
        ev.data_format = "channels_first" if said in ("th", "channels_first") else "channels_last"
        return None
    if last == "int_shape" and args and hasattr(args[0], "shape"):
        return args[0].shape
    if last in ("floatx",):
        return "float32"
    if last == "to_categorical" and args and isinstance(args[0], Array) and args[0].shape:
        classes = args[1] if len(args) > 1 else kwargs.get("num_classes")
        if classes is None and isinstance(args[0], data.Labels):
            classes = args[0].classes
        return Array((*args[0].shape[:1], classes), "float64")
    return Unknown(f"the result of {path}", ev.line)


def _object(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """An object of Keras; None for initial values that are data, which are among the weights to be loaded."""
    from_data = any(opaque(v) or holds_opaque(v) for v in (*args, *kwargs.values()))
    if path.startswith("initializers.") and from_data:
        ev.note(
            "KT402", f"the data that {path.split('.')[-1]} takes initial values from are left out"
        )
        return None
    return KerasObject(path, args, kwargs)


def _data_set(ev: Interpreter, name: str) -> Any:
    if name not in _DATA:
        return Unknown(f"the data set {name}", ev.line)
    x, y = _DATA[name]
    tests = {60000: 10000, 50000: 10000, 404: 102, 16512: 4128}
    n = tests[x[0]]
    kind = "float64" if "housing" in name else "uint8"
    of = Array if "housing" in name else partial(data.Labels, classes=_CLASSES.get(name, 10))
    return ((Array(x, kind), of(y, kind)), (Array((n, *x[1:]), kind), of((n, *y[1:]), kind)))


def _math(ev: Interpreter, path: str, args: list[Any]) -> Any:
    function = getattr(math, path.split(".")[-1], None)
    symbolic = any(isinstance(a, Sym) for a in args)
    if symbolic and path in FUNCTIONS and all(isinstance(a, Sym) or plain(a) for a in args):
        return call_symbolic(path, *args)
    if function is None or not args or not plain(args):
        values = [array_functions.settled(ev, a, path) if isinstance(a, Sym) else a for a in args]
        if function is None or not plain(values):
            return Unknown(f"{path} of what is not known", ev.line)
        args = values
    with as_the_source_would():
        return function(*args)


# -- numpy ----------------------------------------------------------------------------------------


def _numpy(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Of numbers that are known: what comes of them; else what the class at hand computes; else data."""
    if not arrays.is_kept(name, args, kwargs):
        found = array_functions.call(ev, name, args, kwargs)
        if found is not NotImplemented:
            return found
    if arrays.is_told(args, kwargs):
        found = arrays.call(ev, name, args, kwargs)
        if found is not NotImplemented:
            if name in ("zeros", "ones", "full") and isinstance(found, Array):
                found.fill = _of_data(ev, name, args, kwargs).fill
            return found
        numbers = [arrays.concrete(ev, a) for a in args]  # by those of the settings at hand
        found = array_functions.call(ev, name, numbers, kwargs)
        if found is not NotImplemented:
            return found
    return _of_data(ev, name.split(".")[-1], args, kwargs)


def _of_data(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    first = args[0] if args else None
    if name in ("zeros", "ones", "empty", "full"):
        shape = first if isinstance(first, (tuple, list)) else (first,)
        fill = {"zeros": 0.0, "ones": 1.0}.get(name, args[1] if args[1:] else None)
        number = isinstance(fill, (int, float, Sym))
        return Array(tuple(shape), "float64", fill if number else None)
    if name in ("fill_diagonal", "put", "place", "copyto") and isinstance(first, Array):
        first.fill = first.step = None
    if name == "expand_dims" and isinstance(first, Array) and first.shape is not None:
        axis = args[1] if len(args) > 1 else kwargs.get("axis", 0)
        shape = list(first.shape)
        shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
        return Array(tuple(shape), first.dtype)
    if name == "reshape" and isinstance(first, Array) and len(args) > 1:
        return data.array_reshape(first, args[1])
    if isinstance(first, data.Labels) and name == "unique" and not kwargs:
        return Array((first.classes,), first.dtype)
    of_all = name.removeprefix("a") if name in ("amax", "amin") else name
    if isinstance(first, Array) and of_all in data.STATISTICS:
        return data.statistic(ev, of_all, first, *args[1:], **kwargs)
    if isinstance(first, Array):
        return Array(None, first.dtype)
    return Unknown(f"the result of numpy.{name}", ev.line)


def version(ev: Interpreter, path: str) -> Any:
    """The version of Keras or TensorFlow that the source is written for."""
    if path == "tf":
        return {"3": "2.18.0", "2": "2.12.0"}.get(ev.flavour, "1.15.0")
    if path == "keras":
        return {"3": "3.6.0", "2": "2.12.0"}.get(ev.flavour, "1.2.2")
    return Unknown(f"the version of {path}", ev.line)
