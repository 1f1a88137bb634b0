"""Types of tensors, constants, and what passes a tensor on as it is."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import DEFAULT_FLOAT, is_size
from kt_translate.ops.op import op
from kt_translate.ops.values import (
    apply,
    as_tensor,
    constant,
    dtype_of,
    is_float,
    is_number,
    is_plain_number,
    is_scalar,
    leaves,
    nested_shape,
    number,
)
from kt_translate.pytorch.expr import Expr, torch

_SHORT = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "int": "int32",
    "long": "int64",
}


def type_name(dtype: Any, default: str = "float32") -> str:
    """The name of a type however it is given: "float32", tf.float32, np.float32, x.dtype, float."""
    value = getattr(dtype, "path", dtype)
    if value is None:
        return default
    if isinstance(value, Sym):
        value = decided(value, "the type")
    if not isinstance(value, str):
        value = getattr(value, "__name__", getattr(value, "name", None))
    if not isinstance(value, str):
        raise RuleError("KT203", "the type is not known")
    name = value.rpartition(".")[2].rstrip("_")
    return _SHORT.get(name, name)


def type_expr(name: str) -> Expr:
    """The type in torch; the model's own floats are whatever the model is kept in."""
    if name == "float32":
        return DEFAULT_FLOAT
    return Expr(f"torch.{name}")


def cast_to(x: Any, dtype: Any) -> Any:
    """``x`` in another type."""
    name = type_name(dtype)
    if is_scalar(x):
        return _number(x, name)
    x = as_tensor(x)
    if x.dtype == name:
        return x
    if "constant" in x.facts:
        return constant(x.facts["constant"], name)
    to = type_expr(name)
    if name in ("bool", "int32", "int64") and x.dtype in ("bool", "int32", "int64", "uint8"):
        method = {"bool": "bool", "int32": "int", "int64": "long"}[name]
        return _typed(x, lambda e: getattr(e, method)(), name)
    if name == "bool":
        return _typed(x, lambda e: e.bool(), name)
    if x.dtype.startswith("complex") and name == "float32":
        return _typed(x, lambda e: e.real, name)
    return _typed(x, lambda e: e.to(to), name)


def _typed(x: Tensor, render: Any, dtype: str) -> Tensor:
    return derived(render, [x], x.shape, dtype, x.layout, Layout.KEEP, label="cast")


def _number(x: Any, name: str) -> Any:
    """Python's numbers: float(n), int(n), bool(n)."""
    kind = "float" if is_float(name) else "bool" if name == "bool" else "int"
    if is_plain_number(x):
        return {"float": float, "int": int, "bool": bool}[kind](x)
    if dtype_of(x) == kind:
        return x
    if isinstance(x, Sym):
        sample = known(x)
        convert = {"float": float, "int": int, "bool": bool}[kind]
        return Sym.call(kind, (x,), UNKNOWN if sample is UNKNOWN else convert(sample))
    return number(lambda e: Expr(kind)(e), [x], name)


@op("keras.ops.cast", "keras.backend.cast", "tf.cast", "tf.dtypes.cast", "tf.compat.v1.cast")
def cast(x: Any, dtype: Any) -> Any:
    return cast_to(x, dtype)


@op("keras.ops.saturate_cast", "tf.saturate_cast", "tf.dtypes.saturate_cast", value="x")
def saturate_cast(x: Any, dtype: Any) -> Any:
    name = type_name(dtype)
    x = as_tensor(x)
    if is_float(name) or name == "bool":
        return cast_to(x, name)
    to = type_expr(name)
    limits = Expr("torch.iinfo")(to)
    return _typed(x, lambda e: e.clamp(limits.min, limits.max).to(to), name)


@op("keras.backend.cast_to_floatx")
def cast_to_floatx(x: Any) -> Any:
    return cast_to(x, "float32")


def _shortcut(*names: str) -> None:
    for name in names:
        dtype = _SHORT.get(name, name)

        def function(x: Any, dtype: str = dtype) -> Any:
            return cast_to(x, dtype)

        op(f"tf.to_{name}", f"numpy.{dtype}")(function)


_shortcut("float", "double", "int32", "int64", "bool")


# -- constants ------------------------------------------------------------------------------------
def converted(value: Any, dtype: Any = None, shape: Any = None) -> Any:
    """A constant or tensor of the source as a tensor (numbers stay numbers: they do what a tensor of rank 0 does)."""
    name = None if dtype is None else type_name(dtype)
    if isinstance(value, Tensor) and not is_number(value):
        result: Any = value if name is None else cast_to(value, name)
    elif is_scalar(value):
        result = value if name is None else _number(value, name)
    else:
        parts = leaves(value)
        if any(isinstance(p, Tensor) and not is_number(p) for p in parts):
            result = as_tensor(value) if name is None else cast_to(as_tensor(value), name)
        else:
            result = as_tensor(value, name)
            if len(nested_shape(value)) == 1 and all(map(is_size, parts)):
                result.facts["numbers"] = parts
    if shape is None:
        return result
    from kt_translate.ops.create import filled
    from kt_translate.ops.reshaping import reshape_to

    if is_scalar(result):
        return filled(
            shape, result, name or ("float32" if dtype_of(result) == "float" else "int32")
        )
    return reshape_to(result, shape)


@op("keras.ops.convert_to_tensor", "keras.ops.array", "keras.ops.copy", "keras.ops.asarray")
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    return converted(x, dtype)


@op("tf.convert_to_tensor")
def tf_convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None) -> Any:
    return converted(value, dtype)


@op("tf.constant", "keras.backend.constant")
def constant_of(value: Any, dtype: Any = None, shape: Any = None) -> Any:
    return converted(value, dtype, shape)


@op("keras.ops.convert_to_numpy", "numpy.array", "numpy.asarray", object="x")
def convert_to_numpy(x: Any, dtype: Any = None) -> Any:
    return converted(x, dtype)


@op("tf.identity", "keras.backend.identity", "tf.guarantee_const", input="x")
def identity(x: Any) -> Any:
    return x


@op("tf.identity_n")
def identity_n(input: Any) -> Any:
    return list(input)


@op(
    "keras.ops.stop_gradient",
    "keras.backend.stop_gradient",
    "tf.stop_gradient",
    variables="variable",
    input="variable",
)
def stop_gradient(variable: Any) -> Any:
    if isinstance(variable, (list, tuple)):
        return type(variable)(stop_gradient(v) for v in variable)
    if is_scalar(variable):
        return variable
    return apply(lambda e: e.detach(), as_tensor(variable), label="detach")


# -- what is known of a tensor --------------------------------------------------------------------
@op("keras.ops.dtype", "keras.backend.dtype")
def dtype(x: Any) -> Any:
    return as_tensor(x).dtype


@op(
    "keras.ops.is_tensor",
    "tf.is_tensor",
    "keras.backend.is_keras_tensor",
    "keras.backend.is_tensor",
)
def is_tensor(x: Any) -> Any:
    return isinstance(x, Tensor)


@op("keras.backend.floatx", "keras.config.floatx")
def floatx() -> Any:
    return "float32"


@op("keras.backend.epsilon", "keras.config.epsilon")
def epsilon() -> Any:
    return 1e-7


@op("tf.as_dtype", "tf.dtypes.as_dtype")
def as_dtype(type_value: Any) -> Any:
    return type_name(type_value)


__all__ = ["cast_to", "converted", "torch", "type_expr", "type_name"]
