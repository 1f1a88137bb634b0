"""Tensors out of nothing, or like another: zeros, ones, full, ranges, identity and triangles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kt_translate.graph.region import CURRENT, derived
from kt_translate.graph.sym import UNKNOWN, Sym, call_symbolic, known
from kt_translate.graph.tensor import Dim, Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.cast import cast_to, type_expr, type_name
from kt_translate.ops.op import OPS, op
from kt_translate.ops.reshaping import broadcast_to
from kt_translate.ops.shape import declared, given_sizes, run_time, written
from kt_translate.ops.values import (
    as_tensor,
    dtype_of,
    is_float,
    is_number,
    is_plain_number,
    is_scalar,
    paths,
    size_of,
)
from kt_translate.pytorch.expr import OMIT, Expr, as_expr, torch, unless


def _dtype(name: str, default: str = "float32") -> Any:
    """``dtype=`` of a function of torch, left out where torch takes that type anyway."""
    return OMIT if name == default else type_expr(name)


def made(
    render: Callable[..., Any], sizes: list[Any], shape: tuple[Dim, ...], dtype: str
) -> Tensor:
    """``render(device, *sizes)`` of sizes that may only be known at run time."""
    return derived(
        lambda *given, device: render(device, *written(sizes, given)),
        run_time(sizes),
        shape,
        dtype,
        wants=Layout.KEEP,
        device=True,
    )


def _followed(sizes: list[Any]) -> Tensor | None:
    """The tensor of floats that a size is read off: what is made for it is of its type."""
    for size in sizes:
        if is_number(size) and "size" in size.facts:
            source: Tensor = size.facts["size"][0]
            if is_float(source.dtype):
                return source
    return None


def _samples() -> Tensor:
    """How many samples there are, where a shape has None for it: as many as in what was computed before."""
    for node in reversed(CURRENT[-1].nodes):
        for tensor in node.outputs:
            if tensor.rank > 1 and tensor.shape[0] is None:
                return size_of(tensor, 0)  # type: ignore[no-any-return]
    raise RuleError("KT203", "a shape with a size that is not known")


def filled(shape: Any, value: Any, dtype: Any = None) -> Tensor:
    """A tensor of one value."""
    sizes = [_samples() if known(size) == -1 else size for size in given_sizes(shape)]
    name = type_name(dtype)
    if isinstance(value, Tensor) and not is_number(value):
        spread: Tensor = broadcast_to(value if dtype is None else cast_to(value, name), sizes)
        return spread
    if is_float(name) and is_plain_number(value):
        value = float(value)
    word = {0: "zeros", 1: "ones"}.get(value) if is_plain_number(value) else None
    source = _followed(sizes) if name == "float32" else None
    number = [value] if isinstance(value, Tensor) else []
    if source is not None:

        def like(e: Expr, *given: Expr) -> Expr:
            out = written(sizes, given[len(number) :])
            if word:
                return getattr(e, f"new_{word}")(*out)  # type: ignore[no-any-return]
            return e.new_full(tuple(out), given[0] if number else value)

        return derived(
            like, [source, *number, *run_time(sizes)], declared(sizes), name, wants=Layout.KEEP
        )

    def render(device: Expr, *out: Any) -> Expr:
        if word:
            return getattr(torch, word)(*(out or ((),)), dtype=_dtype(name), device=device)  # type: ignore[no-any-return]
        inner = out[1:] if number else out
        of_value = name == "float32" and not number
        return torch.full(
            tuple(inner),
            out[0] if number else value,
            dtype=OMIT if of_value else type_expr(name),
            device=device,
        )

    return made(render, [*number, *sizes], declared(sizes), name)


@op("keras.ops.zeros", "keras.ops.empty", "tf.zeros", "keras.backend.zeros")
def zeros(shape: Any, dtype: Any = None) -> Tensor:
    return filled(shape, 0, dtype)


@op("keras.ops.ones", "tf.ones", "keras.backend.ones")
def ones(shape: Any, dtype: Any = None) -> Tensor:
    return filled(shape, 1, dtype)


@op("keras.ops.full")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    return filled(shape, fill_value, dtype)


@op("tf.fill")
def fill(dims: Any, value: Any) -> Tensor:
    kind = dtype_of(value)
    return filled(dims, value, {"int": "int32", "float": "float32"}.get(kind, kind))


# -- like another ---------------------------------------------------------------------------------
def alike(x: Any, value: Any, dtype: Any = None) -> Any:
    """A tensor of one value, in the shape and type of another."""
    if is_scalar(x):
        return value if dtype is None else cast_to(value, dtype)
    x = as_tensor(x)
    name = x.dtype if dtype is None else type_name(dtype)
    to: Any = OMIT if name == x.dtype else type_expr(name)
    word = {0: "zeros", 1: "ones"}.get(value) if is_plain_number(value) else None
    if isinstance(value, Tensor) and not is_number(value):
        return derived(lambda e, v: v.expand_as(e), [x, cast_to(value, name)], x.shape, name)
    number = [value] if isinstance(value, Tensor) else []

    def render(e: Expr, *given: Expr) -> Expr:
        if word:
            return getattr(torch, f"{word}_like")(e, dtype=to)  # type: ignore[no-any-return]
        return torch.full_like(e, given[0] if given else value, dtype=to)

    return derived(render, [x, *number], x.shape, name, x.layout, Layout.KEEP, label="like")


_LIKE = {"input": "x", "tensor": "x", "a": "x"}


@op(
    *paths("zeros_like", k=["zeros_like"], tf=["zeros_like"], np=True),
    "keras.ops.empty_like",
    **_LIKE,
)
def zeros_like(x: Any, dtype: Any = None) -> Any:
    return alike(x, 0, dtype)


@op(*paths("ones_like", k=["ones_like"], tf=["ones_like"], np=True), **_LIKE)
def ones_like(x: Any, dtype: Any = None) -> Any:
    return alike(x, 1, dtype)


@op(*paths("full_like", np=True), **_LIKE)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    return alike(x, fill_value, dtype)


# -- ranges ---------------------------------------------------------------------------------------
def arranged(start: Any, stop: Any, step: Any, dtype: Any) -> Tensor:
    """Numbers in steps."""
    if stop is None:
        start, stop = 0, start
    if step is None:
        step = 1
    given = [start, stop, step]
    if not all(is_scalar(v) or (isinstance(v, Tensor) and v.rank == 0) for v in given):
        raise RuleError("KT203", "a range whose ends are not numbers")
    natural = "float32" if any(is_float(dtype_of(v)) for v in given) else "int32"
    name = natural if dtype is None else type_name(dtype)
    to: Any = (
        OMIT if name == natural or (name == "int64" and natural == "int32") else type_expr(name)
    )

    def render(device: Expr, first: Any, last: Any, by: Any) -> Expr:
        if type(by) is int and by == 1:
            ends = [last] if type(first) is int and first == 0 else [first, last]
        else:
            ends = [first, last, by]
        return torch.arange(*ends, dtype=to, device=device)

    return made(render, given, (_length(start, stop, step),), name)


def _length(start: Any, stop: Any, step: Any) -> Dim:
    if any(isinstance(v, Tensor) for v in (start, stop, step)):
        return None
    a, b, by = known(start), known(stop), known(step)
    if None in (a, b, by):
        raise RuleError("KT204", "a range without an end")
    if UNKNOWN in (a, b, by):
        return None
    count: int = max(0, math.ceil((b - a) / by))
    if not any(isinstance(v, Sym) for v in (start, stop, step)):
        return count
    span = operation("-", stop, start) if by == 1 else None
    if isinstance(span, Sym) and isinstance(span.value, float):
        span = call_symbolic("int", span)
    return span if isinstance(span, Sym) and known(span) == count else None


@op("keras.ops.arange", "keras.backend.arange", "tf.experimental.numpy.arange")
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    return arranged(start, stop, step, dtype)


@op("tf.range")
def tf_range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Tensor:
    return arranged(start, limit, delta, dtype)


def _spaced(
    function: str, start: Any, stop: Any, num: Any, endpoint: Any, dtype: Any, **how: Any
) -> Tensor:
    if not all(map(is_scalar, (start, stop, num))):
        raise RuleError("KT203", f"{function} between tensors")
    name = type_name(dtype)
    short = not decided(endpoint, "endpoint")

    def render(device: Expr, a: Any, b: Any, n: Any) -> Expr:
        count = as_expr(n) + 1 if short else n
        if short and isinstance(n, int):
            count = n + 1
        made_ = getattr(torch, function)(a, b, count, dtype=_dtype(name), device=device, **how)
        return made_[:-1] if short else made_  # type: ignore[no-any-return]

    return made(render, [start, stop, num], (None if isinstance(num, Tensor) else num,), name)


@op("keras.ops.linspace")
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: Any = True,
    retstep: Any = False,
    dtype: Any = None,
    axis: Any = 0,
) -> Any:
    found = _spaced("linspace", start, stop, num, endpoint, dtype)
    if not retstep:
        return found
    parts = operation("-", num, 1) if endpoint else num
    return found, operation("/", operation("-", stop, start), parts)


@op("tf.linspace", "tf.lin_space")
def tf_linspace(start: Any, stop: Any, num: Any, axis: Any = 0) -> Tensor:
    found = _spaced("linspace", start, stop, num, True, None)
    if not any(isinstance(v, Tensor) for v in (start, stop, num)):
        ends = (call_symbolic("np.float32", v) for v in (start, stop))
        found.facts["numbers"] = call_symbolic("np.linspace", *ends, num)
    return found


@op("keras.ops.logspace")
def logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: Any = True,
    base: Any = 10,
    dtype: Any = None,
    axis: Any = 0,
) -> Tensor:
    how = {} if known(base) == 10 else {"base": base}
    return _spaced("logspace", start, stop, num, endpoint, dtype, **how)


@op("keras.ops.geomspace")
def geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: Any = True, dtype: Any = None, axis: Any = 0
) -> Tensor:
    if not (is_plain_number(start) and is_plain_number(stop)):
        raise RuleError("KT203", "geomspace between numbers that are not known")
    return _spaced("logspace", math.log10(start), math.log10(stop), num, endpoint, dtype)


# -- matrices -------------------------------------------------------------------------------------
def _identity(n: Any, m: Any, k: Any, dtype: Any, function: str = "eye") -> Tensor:
    m = n if m is None else m
    name = type_name(dtype)
    offset = decided(k, "k")

    def render(device: Expr, rows: Any, columns: Any) -> Expr:
        how = {"dtype": _dtype(name), "device": device}
        square = str(as_expr(rows)) == str(as_expr(columns))
        if function == "tri":
            return torch.ones(rows, columns, **how).tril(*([offset] if offset else []))
        if offset:
            return torch.ones(rows, columns, **how).triu(offset).tril(offset)
        return torch.eye(*([rows] if square else [rows, columns]), **how)

    return made(render, [n, m], declared([n, m]), name)


@op("keras.ops.eye", "keras.ops.identity", n="N")
def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Tensor:
    return _identity(N, M, k, dtype)


@op("keras.backend.eye")
def backend_eye(size: Any, dtype: Any = None) -> Tensor:
    rows, columns = size if isinstance(size, (list, tuple)) else (size, size)
    return _identity(rows, columns, 0, dtype)


@op("tf.eye", "tf.linalg.eye")
def tf_eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = None
) -> Any:
    found = _identity(num_rows, num_columns, 0, dtype)
    if batch_shape is None:
        return found
    columns = num_rows if num_columns is None else num_columns
    return broadcast_to(found, [*given_sizes(batch_shape), num_rows, columns])


@op("keras.ops.tri")
def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Tensor:
    return _identity(N, M, k, dtype, "tri")


def _triangle(name: str) -> None:
    def function(x: Any, k: Any = 0) -> Tensor:
        x = as_tensor(x)
        return derived(
            lambda e: getattr(e, name)(*([] if unless(k, 0) is OMIT else [k])),
            [x],
            x.shape,
            x.dtype,
            label=name,
        )

    op(f"keras.ops.{name}", f"numpy.{name}", m="x", diagonal="k")(function)


_triangle("tril")
_triangle("triu")


@op("tf.linalg.LinearOperatorLowerTriangular", "tf.contrib.linalg.LinearOperatorTriL")
def lower_triangle(tril: Any, **inert: Any) -> Any:
    """The operator, of which the source asks for the matrix that it is."""
    return OPS["keras.ops.tril"].function(tril)


# -- masks --------------------------------------------------------------------------------------
@op("tf.sequence_mask")
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = None) -> Any:
    x = as_tensor(lengths)
    name = "bool" if dtype is None else type_name(dtype)
    sizes = [] if maxlen is None else given_sizes(maxlen)
    last = None if maxlen is None else declared(sizes)[0]

    def render(e: Expr, *given: Expr) -> Expr:
        longest = written(sizes, given)[0] if sizes else e.max()
        mask = Expr.binary("<", torch.arange(longest, device=e.device), e.unsqueeze(-1))
        return mask if name == "bool" else mask.to(type_expr(name))

    return derived(render, [x, *run_time(sizes)], (*x.shape, last), name)


__all__ = ["alike", "arranged", "filled"]
