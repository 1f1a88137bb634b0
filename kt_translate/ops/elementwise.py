"""Functions of every element: arithmetic of one operand, rounding, powers and logarithms, trigonometry."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Tensor
from kt_translate.ops.arguments import DEFAULT_FLOAT
from kt_translate.ops.op import op
from kt_translate.ops.values import (
    apply,
    as_tensor,
    is_float,
    is_number,
    is_plain_number,
    is_scalar,
    paths,
)
from kt_translate.pytorch.expr import Expr, as_expr, torch

Render = Callable[[Expr], Any]
_VALUE = {"a": "x", "input": "x", "input_tensor": "x", "features": "x"}


def each(
    x: Any,
    render: Render,
    plain: Callable[..., Any] | None = None,
    text: str | None = None,
    dtype: str | None = None,
    label: str = "op",
) -> Any:
    """``render`` of every element. ``plain`` and ``text`` say how Python does it to a number: math.sqrt, "math.sqrt"."""
    if is_plain_number(x) and plain is not None:
        return plain(x)
    if is_scalar(x) and text is not None:
        if isinstance(x, Sym):
            sample = known(x)
            value = UNKNOWN if sample is UNKNOWN or plain is None else plain(sample)
            return Sym.call(text, (_unwrapped(x),), value)
        return apply(lambda e: Expr(text)(_without_float(e)), x, dtype=dtype)
    return apply(render, as_tensor(x), dtype=dtype, label=label)


def _unwrapped(x: Sym) -> Any:
    """math.sqrt(n), not math.sqrt(float(n))."""
    return x.args[1] if x.head == "call" and x.args[0] == "float" else x


def _without_float(e: Expr) -> Expr:
    text = str(e)
    inner = text[6:-1]
    if text.startswith("float(") and text.endswith(")") and "(" not in inner and ")" not in inner:
        return Expr.raw(inner)
    return e


def as_float_dtype(x: Any) -> str:
    return x.dtype if isinstance(x, Tensor) and is_float(x.dtype) else "float32"


def floated(x: Any) -> Render:
    """What makes a float of the elements of ``x``."""
    if not isinstance(x, Tensor) or is_number(x) or is_float(x.dtype):
        return lambda e: e
    return lambda e: e.to(DEFAULT_FLOAT)


# -- one method of torch each ---------------------------------------------------------------------
def _method(
    names: Iterable[str],
    method: str,
    plain: Callable[..., Any] | None = None,
    *,
    k: Iterable[str] = (),
    tf: Iterable[str] = (),
    np: bool = False,
    to_float: bool = True,
    text: str | None = None,
) -> None:
    """Declare a function that is a method of torch's tensors (or, with a dot, a function)."""

    def render(e: Expr) -> Any:
        return torch_function(method)(e) if "." in method else getattr(e, method)()

    def function(x: Any) -> Any:
        dtype = as_float_dtype(x) if to_float else None
        return each(x, render, plain, text, dtype, method)

    op(*paths(*names, k=k, tf=tf, np=np), **_VALUE)(function)


def torch_function(path: str) -> Expr:
    found: Expr = torch
    for part in path.split("."):
        found = getattr(found, part)
    return found


_method(["exp"], "exp", math.exp, k=["exp"], tf=["exp"], np=True, text="math.exp")
_method(["expm1"], "expm1", math.expm1, tf=["expm1"], np=True, text="math.expm1")
_method(["exp2"], "exp2", lambda v: 2.0**v, np=True)
_method(["log"], "log", math.log, k=["log"], tf=["log"], np=True, text="math.log")
_method(["log1p"], "log1p", math.log1p, tf=["log1p"], np=True, text="math.log1p")
_method(["log2"], "log2", math.log2, np=True, text="math.log2")
_method(["log10"], "log10", math.log10, np=True, text="math.log10")
_method(["sqrt"], "sqrt", math.sqrt, tf=["sqrt"], np=True, text="math.sqrt")
_method(["reciprocal"], "reciprocal", lambda v: 1.0 / v, tf=["reciprocal"], np=True)
_method(["sin"], "sin", math.sin, k=["sin"], tf=["sin"], np=True, text="math.sin")
_method(["cos"], "cos", math.cos, k=["cos"], tf=["cos"], np=True, text="math.cos")
_method(["tan"], "tan", math.tan, tf=["tan"], np=True, text="math.tan")
_method(["arcsin"], "asin", math.asin, tf=["asin"], np=True, text="math.asin")
_method(["arccos"], "acos", math.acos, tf=["acos"], np=True, text="math.acos")
_method(["arctan"], "atan", math.atan, tf=["atan"], np=True, text="math.atan")
_method(["sinh"], "sinh", math.sinh, tf=["sinh"], np=True, text="math.sinh")
_method(["cosh"], "cosh", math.cosh, tf=["cosh"], np=True, text="math.cosh")
_method(["tanh"], "tanh", math.tanh, k=["tanh"], tf=["tanh"], np=True, text="math.tanh")
_method(["arcsinh"], "asinh", math.asinh, tf=["asinh"], np=True, text="math.asinh")
_method(["arccosh"], "acosh", math.acosh, tf=["acosh"], np=True, text="math.acosh")
_method(["arctanh"], "atanh", math.atanh, tf=["atanh"], np=True, text="math.atanh")
_method(["erf"], "erf", math.erf, tf=["erf"], text="math.erf")
_method(["erfc"], "erfc", math.erfc, tf=["erfc"], text="math.erfc")
_method(["erfinv"], "erfinv", tf=["erfinv"])
_method([], "lgamma", math.lgamma, tf=["lgamma"], text="math.lgamma")
_method([], "digamma", tf=["digamma"])
_method([], "special.ndtri", tf=["ndtri"])
_method(["i0"], "special.i0", np=True)
_method([], "special.i1", tf=["bessel_i1", "special.bessel_i1"])
_method([], "special.i0e", tf=["bessel_i0e", "special.bessel_i0e"])
_method([], "special.i1e", tf=["bessel_i1e", "special.bessel_i1e"])
_method(["sinc"], "sinc", np=True)
_method(["deg2rad"], "deg2rad", math.radians, np=True, text="math.radians")
_method(["rad2deg"], "rad2deg", math.degrees, np=True, text="math.degrees")
_method(["negative"], "neg", lambda v: -v, tf=["negative"], np=True, to_float=False)
_method(["square"], "square", lambda v: v * v, k=["square"], tf=["square"], np=True, to_float=False)
_method(["abs", "absolute"], "abs", abs, k=["abs"], tf=["abs"], np=True, to_float=False, text="abs")
_method(["fabs"], "abs", math.fabs, np=True)
_method(["conj", "conjugate"], "conj", tf=["conj"], to_float=False)


@op(*paths("rsqrt", tf=["rsqrt"]), **_VALUE)
def rsqrt(x: Any) -> Any:
    if is_scalar(x) and not is_plain_number(x):
        root = each(x, lambda e: e, math.sqrt, "math.sqrt", "float32")
        if isinstance(root, Sym):
            return Sym.binary("/", 1, root)
        return apply(lambda e: as_expr(1) / e, root, dtype="float32")
    return each(x, lambda e: e.rsqrt(), lambda v: v**-0.5, dtype=as_float_dtype(x))


@op("keras.backend.sqrt")
def backend_sqrt(x: Any) -> Any:
    """K.sqrt takes negative numbers for zero."""
    if is_scalar(x):
        return each(x, lambda e: e, math.sqrt, "math.sqrt", "float32")
    return each(x, lambda e: e.clamp(min=0).sqrt(), dtype=as_float_dtype(x))


@op(*paths("cbrt", np=True))
def cbrt(x: Any) -> Any:
    make = floated(x)
    return each(
        x, lambda e: make(e).sign() * make(e).abs() ** Expr("(1 / 3)"), dtype=as_float_dtype(x)
    )


# -- rounding -------------------------------------------------------------------------------------
def _whole(x: Any, method: str, plain: Callable[..., Any], to_float: bool) -> Any:
    """floor and the like; of whole numbers Keras makes floats, TensorFlow nothing at all."""
    if is_plain_number(x):
        return float(plain(x))
    if is_scalar(x):
        return each(x, lambda e: e, plain, f"math.{method}" if method != "round" else "round")
    if isinstance(x, Tensor) and not is_float(x.dtype) and not to_float:
        return x
    make = floated(x)
    return each(x, lambda e: getattr(make(e), method)(), dtype=as_float_dtype(x), label=method)


@op(*paths("floor", np=True), **_VALUE)
def floor(x: Any) -> Any:
    return _whole(x, "floor", math.floor, True)


@op(*paths("ceil", np=True), **_VALUE)
def ceil(x: Any) -> Any:
    return _whole(x, "ceil", math.ceil, True)


@op("tf.floor", "tf.math.floor", **_VALUE)
def tf_floor(x: Any) -> Any:
    return _whole(x, "floor", math.floor, False)


@op("tf.ceil", "tf.math.ceil", "tf.math.ceiling", **_VALUE)
def tf_ceil(x: Any) -> Any:
    return _whole(x, "ceil", math.ceil, False)


@op(*paths("trunc", np=True), **_VALUE)
def trunc(x: Any) -> Any:
    return _whole(x, "trunc", math.trunc, False)


@op(*paths("round", k=["round"], tf=["round", "rint"], np=True), **_VALUE)
def round_(x: Any, decimals: Any = 0) -> Any:
    if decimals != 0:
        return each(x, lambda e: e.round(decimals=decimals), lambda v: round(v, decimals))
    return _whole(x, "round", round, False)


@op(*paths("sign", k=["sign"], tf=["sign"], np=True), **_VALUE)
def sign(x: Any) -> Any:
    return each(x, lambda e: e.sign(), lambda v: (v > 0) - (v < 0))


@op(*paths("signbit", np=True))
def signbit(x: Any) -> Any:
    return each(x, lambda e: e.signbit(), lambda v: v < 0, dtype="bool")


# -- what is and what is not a number -------------------------------------------------------------
def _test(
    names: Iterable[str], method: str, plain: Callable[..., Any], tf: Iterable[str] = ()
) -> None:
    def function(x: Any) -> Any:
        return each(x, lambda e: getattr(e, method)(), plain, dtype="bool", label=method)

    op(*paths(*names, tf=tf, np=True))(function)


_test(["isnan"], "isnan", math.isnan, tf=["is_nan"])
_test(["isinf"], "isinf", math.isinf, tf=["is_inf"])
_test(["isfinite"], "isfinite", math.isfinite, tf=["is_finite"])
_test(["isposinf"], "isposinf", lambda v: v == math.inf)
_test(["isneginf"], "isneginf", lambda v: v == -math.inf)


@op(*paths("isreal", np=True))
def isreal(x: Any) -> Any:
    return each(x, lambda e: e.isreal(), lambda v: True, dtype="bool")


@op(*paths("nan_to_num", np=True))
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    given = {
        k: v for k, v in (("nan", nan), ("posinf", posinf), ("neginf", neginf)) if v is not None
    }
    if given.get("nan") == 0:
        del given["nan"]
    return each(x, lambda e: e.nan_to_num(**given))


@op("tf.debugging.check_numerics", "tf.debugging.assert_all_finite", x="tensor")
def check_numerics(tensor: Any, message: Any = None) -> Any:
    return tensor


# -- bounds ---------------------------------------------------------------------------------------
def clamp(x: Any, low: Any, high: Any) -> Any:
    """Between two bounds, each of them None, a number or a tensor."""
    given = [b for b in (low, high) if b is not None]
    if all(map(is_plain_number, (x, *given))):
        x = x if low is None else max(x, low)
        return x if high is None else min(x, high)
    names = [n for n, b in (("min", low), ("max", high)) if b is not None]
    lift = not all(map(is_scalar, given))
    return apply(
        lambda e, *bounds: e.clamp(**dict(zip(names, bounds))),
        as_tensor(x),
        *(as_tensor(b) if lift and not is_scalar(b) else b for b in given),
        lift=lift,
        label="clamp",
    )


@op(*paths("clip", np=True), a_min="x_min", a_max="x_max")
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    return clamp(x, x_min, x_max)


@op("keras.backend.clip")
def backend_clip(x: Any, min_value: Any, max_value: Any) -> Any:
    return clamp(x, -math.inf if min_value is None else min_value, max_value)


@op("tf.clip_by_value", t="x")
def clip_by_value(x: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    return clamp(x, clip_value_min, clip_value_max)


# -- complex numbers ------------------------------------------------------------------------------
def _part(name: str, render: Render) -> None:
    def function(x: Any) -> Any:
        return each(x, render, dtype="float32", label=name)

    op(*paths(name, tf=[name], np=True), input="x")(function)


_part("real", lambda e: e.real)
_part("imag", lambda e: e.imag)
_part("angle", lambda e: e.angle())
