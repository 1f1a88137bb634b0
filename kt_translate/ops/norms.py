"""Bounds on norms, and checks of values that have no part in a model."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.ops.arguments import axes_of
from kt_translate.ops.op import op
from kt_translate.ops.values import as_tensor, is_scalar
from kt_translate.pytorch.expr import Expr, as_expr, torch, unless


@op("tf.clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Any:
    x = as_tensor(t)
    dims = None if axes is None else tuple(x.dim(a) for a in axes_of(axes, x.rank))
    more = [clip_norm] if isinstance(clip_norm, Tensor) else []

    def render(e: Expr, *limit: Expr) -> Expr:
        return Expr("clip_by_norm")(e, limit[0] if limit else clip_norm, dims=unless(dims, None))

    return derived(render, [x, *more], x.shape, x.dtype, x.layout, Layout.KEEP)


@op("tf.linalg.global_norm", "tf.global_norm")
def global_norm(t_list: Any) -> Any:
    tensors = [as_tensor(t) for t in t_list]

    def render(*es: Expr) -> Expr:
        norms = [torch.linalg.vector_norm(e) for e in es]
        return torch.linalg.vector_norm(torch.stack(as_expr(norms)))

    return derived(render, tensors, (), tensors[0].dtype, wants=Layout.KEEP)


@op("keras.ops.cdist")
def cdist(x1: Any, x2: Any) -> Any:
    a, b = as_tensor(x1), as_tensor(x2)
    shape = (*a.shape[:-1], b.shape[-2])
    exact = "donot_use_mm_for_euclid_dist"
    return derived(
        lambda e, f: Expr("torch.cdist")(e, f, compute_mode=exact), [a, b], shape, a.dtype
    )


_CHECKS = ["equal", "none_equal", "greater", "greater_equal", "less", "less_equal", "near"]
_CHECKS += ["positive", "negative", "non_negative", "non_positive", "rank", "rank_at_least"]
_CHECKS += ["shapes", "type", "integer", "scalar", "true"]


def _check(name: str) -> None:
    def function(
        x: Any = None,
        y: Any = None,
        data: Any = None,
        summarize: Any = None,
        message: Any = None,
        rank: Any = None,
        rtol: Any = None,
        atol: Any = None,
        tf_type: Any = None,
        tensor: Any = None,
        shapes: Any = None,
    ) -> None:
        return None

    op(f"tf.debugging.assert_{name}", f"tf.assert_{name}", f"tf.compat.v1.assert_{name}")(function)


for _name in _CHECKS:
    _check(_name)


@op("tf.print", "tf.no_op", "tf.group", "tf.debugging.Assert", "tf.Assert")
def nothing(
    *args: Any,
    output_stream: Any = None,
    summarize: Any = None,
    sep: Any = None,
    end: Any = None,
) -> None:
    """What TensorFlow does beside the model."""
    return None


@op("keras.backend.is_sparse", "keras.backend.is_float_dtype")
def is_sparse(x: Any) -> bool:
    return isinstance(x, str) and x.startswith("float")


@op("tf.get_static_value")
def get_static_value(tensor: Any, partial: Any = False) -> Any:
    if is_scalar(tensor):
        return tensor
    return tensor.facts.get("constant") if isinstance(tensor, Tensor) else tensor
