"""Borders around tensors, and differences between neighbours."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Dim, Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axis_of
from kt_translate.ops.indexing import plus
from kt_translate.ops.op import op
from kt_translate.ops.shape import run_time, written
from kt_translate.ops.values import as_list, as_tensor, is_scalar
from kt_translate.pytorch.expr import Expr, F, torch, unless

Pair = tuple[Any, Any]


def _pairs(given: Any, rank: int) -> list[Pair]:
    """(before, after) for every axis; numpy's short forms included."""
    if isinstance(given, Tensor):
        given = given.facts.get("constant")
    value = as_list(given)
    if is_scalar(value):
        return [(value, value)] * rank
    if not isinstance(value, list):
        raise RuleError("KT203", "a border that is computed from data")
    if len(value) == 2 and all(map(is_scalar, value)):
        return [(value[0], value[1])] * rank
    value = [as_list(p) for p in value]
    if not all(isinstance(p, list) for p in value):
        raise RuleError("KT203", "a border that is not known side by side")
    pairs = [(p[0], p[-1]) for p in value]
    if len(pairs) == 1:
        pairs *= rank
    if len(pairs) != rank:
        raise RuleError("KT204", f"borders for {len(pairs)} axes of {rank}")
    return pairs


def _none(pair: Pair) -> bool:
    return all(type(p) is int and p == 0 for p in pair)


def padded(given: Any, widths: Any, mode: Any = "constant", value: Any = 0) -> Tensor:
    """A border around a tensor; a channels-first picture stays one."""
    x = as_tensor(given)
    how = decided(mode, "the mode").lower()
    if how not in ("constant", "reflect", "symmetric"):
        raise RuleError("KT204", f"there is no mode {how!r} of padding")
    pairs = _pairs(widths, x.rank)
    if all(map(_none, pairs)):
        return x
    shape = tuple(_wider(d, p) for d, p in zip(x.shape, pairs))
    ordered = pairs
    if x.layout is Layout.FIRST and x.rank > 2:
        ordered = [pairs[0], pairs[-1], *pairs[1:-1]]
    flat = [v for pair in reversed(ordered) for v in pair]
    while _none((flat[-2], flat[-1])):
        flat = flat[:-2]
    filling = [value] if isinstance(value, Tensor) else []

    def render(e: Expr, *more: Expr) -> Expr:
        border = tuple(written(flat, more[len(filling) :]))
        if how == "constant":
            return F.pad(e, border, value=unless(more[0] if filling else value, 0))
        if how == "reflect" and x.rank - 2 <= len(flat) // 2 <= x.rank - 1 <= 4:
            return F.pad(e, border, mode="reflect")
        return Expr("mirror_pad")(e, border, symmetric=unless(how == "symmetric", False))

    if isinstance(value, float) and value == 0:
        value = 0
    inputs = [x, *filling, *run_time(flat)]
    return derived(render, inputs, shape, x.dtype, x.layout, Layout.KEEP, label="pad")


def _wider(size: Dim, pair: Pair) -> Dim:
    if size is None or any(isinstance(p, Tensor) for p in pair):
        return None
    found: Dim = plus(pair[1], plus(pair[0], size))
    return found


@op("keras.ops.pad", "numpy.pad", array="x")
def pad(x: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = None) -> Tensor:
    return padded(x, pad_width, mode, 0 if constant_values is None else constant_values)


@op("tf.pad")
def tf_pad(tensor: Any, paddings: Any, mode: Any = "CONSTANT", constant_values: Any = 0) -> Tensor:
    return padded(tensor, paddings, mode, constant_values)


# -- neighbours -----------------------------------------------------------------------------------
@op("keras.ops.diff", "numpy.diff")
def diff(a: Any, n: Any = 1, axis: Any = -1) -> Tensor:
    x = as_tensor(a)
    given = decided(axis, "the axis")
    at = axis_of(given, x.rank)
    dim = x.dim(given)
    size = x.shape[at]
    shape = (*x.shape[:at], None if size is None else size - n, *x.shape[at + 1 :])
    return derived(
        lambda e: e.diff(n=unless(n, 1), dim=unless(dim, -1)),
        [x],
        shape,
        x.dtype,
        x.layout,
        Layout.KEEP,
    )


@op("keras.ops.trapezoid", "numpy.trapezoid")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Tensor:
    t = as_tensor(y)
    given = decided(axis, "the axis")
    at = axis_of(given, t.rank)
    shape = (*t.shape[:at], *t.shape[at + 1 :])
    trapezoid_of = Expr("torch.trapezoid")
    if x is not None:
        return derived(
            lambda e, w: trapezoid_of(e, w, dim=unless(given, -1)),
            [t, as_tensor(x)],
            shape,
            t.dtype,
        )
    return derived(
        lambda e: trapezoid_of(e, dx=unless(float(dx), 1.0), dim=unless(given, -1)),
        [t],
        shape,
        t.dtype,
    )


@op("keras.ops.vander", "numpy.vander")
def vander(x: Any, N: Any = None, increasing: Any = False) -> Tensor:
    x = as_tensor(x)
    columns = x.shape[0] if N is None else decided(N, "the number of columns")
    upwards = decided(increasing, "increasing")

    def render(e: Expr) -> Expr:
        count = e.shape[0] if columns is None else columns
        powers = [0, count] if upwards else [count - 1, -1, -1]
        return e.unsqueeze(-1) ** torch.arange(*powers, device=e.device)

    return derived(render, [x], (x.shape[0], columns), x.dtype)
