"""Parts of networks as functions: one-hot, normalization, dropout, lookups."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import same
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, is_plain, unless
from kt_translate.ops.arguments import (
    Picture,
    Sizes,
    axes_of,
    axis_of,
    dtype_expr,
    dtype_name,
    elementwise,
    floating,
    op,
    tensor,
)
from kt_translate.ops.values import number
from kt_translate.pytorch.expr import OMIT, Expr, F, as_expr, torch

# -- one-hot --------------------------------------------------------------------------------------


@op("keras.ops.one_hot")
def one_hot(
    x: Any, num_classes: Any, axis: Any = -1, dtype: Any = None, sparse: Any = False
) -> Tensor:
    x = tensor(x, "the argument of one_hot")
    name = dtype_name(dtype)
    at = axis_of(axis, x.rank + 1)
    depth = Sizes.of(num_classes)
    shape = (*x.shape[:at], *depth.shape, *x.shape[at:])
    wanted = OMIT if name == "float32" else dtype_expr(dtype)

    def render(e: Expr, *given: Expr) -> Expr:
        made = Expr("one_hot")(e, *depth.exprs(given), dtype=wanted)
        return made if at == x.rank else made.movedim(-1, at)

    return derived(render, [x, *depth.inputs], shape, name, label="one_hot")


@op("keras.backend.one_hot")
def backend_one_hot(indices: Any, num_classes: Any) -> Tensor:
    return one_hot(indices, num_classes)


@op("tf.one_hot")
def tf_one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
) -> Tensor:
    made = one_hot(indices, depth, -1 if axis is None else axis, dtype)
    on, off = (1 if on_value is None else on_value), (0 if off_value is None else off_value)
    if is_plain((on, off)) and (on, off) == (1, 0):
        return made
    return elementwise(made, lambda e: off + e * (on - off))


@op("keras.utils.to_categorical")
def to_categorical(x: Any, num_classes: Any = None) -> Tensor:
    x = tensor(x, "the argument of to_categorical")
    if num_classes is None:
        raise RuleError("KT203", "to_categorical without num_classes depends on the data")
    if x.rank > 1 and x.shape[-1] == 1:
        x = derived(lambda e: e.squeeze(-1), [x], x.shape[:-1], x.dtype)
    return one_hot(x, num_classes)


@op("keras.ops.multi_hot", x="inputs")
def multi_hot(
    inputs: Any, num_classes: Any, axis: Any = -1, dtype: Any = None, sparse: Any = False
) -> Tensor:
    made = one_hot(inputs, num_classes, axis, dtype)
    along = 1 if made.rank > 2 else 0
    shape = (*made.shape[:along], *made.shape[along + 1 :])
    return derived(lambda e: e.amax(dim=along), [made], shape, made.dtype)


# -- normalization --------------------------------------------------------------------------------


def statistic(x: Tensor, axes: Any, keepdims: Any, render: Any, dtype: str | None = None) -> Tensor:
    """Something computed over ``axes``: ``render(x, dims, keepdim)``."""
    found = axes_of(axes, x.rank)
    keep = bool(decided(keepdims, "keepdims"))
    if keep:
        shape = tuple(1 if i in found else s for i, s in enumerate(x.shape))
    else:
        shape = tuple(s for i, s in enumerate(x.shape) if i not in found)
    stays = keep or len(shape) < 3
    layout = x.layout if stays else Layout.LAST
    dims = tuple(sorted(x.seen_in(layout).dim(a) for a in found))
    shown: Any = dims[0] if len(dims) == 1 else dims
    return derived(
        lambda e: render(e, shown, unless(keep, False)),
        [x],
        shape,
        dtype or x.dtype,
        layout if keep else Layout.LAST,
        layout,
    )


def _moments(x: Any, axes: Any, keepdims: Any) -> tuple[Tensor, Tensor]:
    x = tensor(x, "the argument of moments")
    mean = statistic(x, axes, keepdims, lambda e, dims, keep: e.mean(dim=dims, keepdim=keep))
    variance = statistic(
        x, axes, keepdims, lambda e, dims, keep: e.var(dim=dims, correction=0, keepdim=keep)
    )
    return mean, variance


@op("keras.ops.moments")
def moments(
    x: Any, axes: Any, keepdims: Any = False, synchronized: Any = False
) -> tuple[Tensor, Tensor]:
    return _moments(x, axes, keepdims)


@op("tf.nn.moments")
def tf_moments(
    x: Any, axes: Any, shift: Any = None, keepdims: Any = False
) -> tuple[Tensor, Tensor]:
    return _moments(x, axes, keepdims)


def _normalized(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, epsilon: Any, axis: Any = -1
) -> Tensor:
    x = tensor(x, "the argument of batch_normalization")
    at = axis_of(axis, x.rank)
    parts = [v for v in (mean, variance, scale, offset) if isinstance(v, Tensor)]
    same_rank = all(p.rank == x.rank for p in parts)
    layout = x.layout if same_rank else Layout.LAST
    view = (-1, *[1] * (x.rank - 1 - at)) if at != x.rank - 1 else None

    def render(e: Expr, *given: Expr) -> Expr:
        rest = iter(
            g.view(*view) if view is not None and parts[i].rank == 1 else g
            for i, g in enumerate(given)
        )
        m, v, s, o = (
            next(rest) if isinstance(part, Tensor) else None if part is None else as_expr(part)
            for part in (mean, variance, scale, offset)
        )
        assert m is not None
        assert v is not None
        result = (e - m) * torch.rsqrt(v + epsilon)
        result = result if s is None else result * s
        return result if o is None else result + o

    return derived(render, [x, *parts], x.shape, x.dtype, layout, layout)


@op("keras.ops.batch_normalization")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: Any,
    offset: Any = None,
    scale: Any = None,
    epsilon: Any = 0.001,
) -> Tensor:
    return _normalized(x, mean, variance, offset, scale, epsilon, axis)


@op("tf.nn.batch_normalization")
def tf_batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any
) -> Tensor:
    return _normalized(x, mean, variance, offset, scale, variance_epsilon)


@op("keras.backend.batch_normalization")
def backend_batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: Any = -1, epsilon: Any = 1e-3
) -> Tensor:
    return _normalized(x, mean, var, beta, gamma, epsilon)


@op("keras.ops.layer_normalization")
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None
) -> Tensor:
    x = tensor(x, "the argument of layer_normalization")
    axes = axes_of(axis, x.rank)
    count = len(axes)
    if sorted(axes) != list(range(x.rank - count, x.rank)):
        raise RuleError("KT203", "layer_normalization over other axes than the last ones")
    weights = {k: v for k, v in (("weight", gamma), ("bias", beta)) if isinstance(v, Tensor)}
    eps = Expr("1e-7") if epsilon is None else epsilon

    def render(e: Expr, *given: Expr) -> Expr:
        return F.layer_norm(e, e.shape[-count:], **dict(zip(weights, given)), eps=eps)

    return derived(render, [x, *weights.values()], x.shape, floating(x.dtype))


@op("keras.ops.rms_normalization")
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> Tensor:
    x = tensor(x, "the argument of rms_normalization")
    axes = axes_of(axis, x.rank)
    eps = Expr("1e-7") if epsilon is None else epsilon
    scales = [scale] if isinstance(scale, Tensor) else []

    def render(e: Expr, *given: Expr) -> Expr:
        result = e * torch.rsqrt(
            e.square().mean(dim=axes[0] if len(axes) == 1 else axes, keepdim=True) + eps
        )
        return result * given[0] if given else result

    return derived(render, [x, *scales], x.shape, floating(x.dtype))


@op("tf.nn.local_response_normalization", "tf.nn.lrn")
def local_response_normalization(
    input: Any, depth_radius: Any = 5, bias: Any = 1, alpha: Any = 1, beta: Any = 0.5
) -> Tensor:
    """PyTorch divides alpha by the size, TensorFlow does not."""
    x = tensor(input, "the argument of local_response_normalization")
    size = 2 * depth_radius + 1
    return derived(
        lambda e: F.local_response_norm(e, size, alpha=alpha * size, beta=beta, k=unless(bias, 1)),
        [x],
        x.shape,
        x.dtype,
        Layout.FIRST,
        Layout.FIRST,
    )


# -- dropout --------------------------------------------------------------------------------------


def _is_shape_of(x: Tensor, sizes: Any) -> bool:
    """Whether these are the sizes of a tensor: ``K.dropout(x, rate, K.shape(x))``."""
    if not isinstance(sizes, (list, tuple)) or len(sizes) != x.rank:
        return False
    pairs = zip(sizes, x.shape, strict=True)
    return all(
        size.facts.get("size") == (x, axis) if isinstance(size, Tensor) else same(size, own)
        for axis, (size, own) in enumerate(pairs)
    )


def _dropped(x: Any, rate: Any, noise_shape: Any) -> Tensor:
    x = tensor(x, "the argument of dropout")
    if noise_shape is not None and not _is_shape_of(x, noise_shape):
        raise RuleError("KT203", "dropout with a noise_shape is not supported here")
    return elementwise(x, lambda e: F.dropout(e, rate))


@op("keras.random.dropout", x="inputs")
def dropout(inputs: Any, rate: Any, noise_shape: Any = None, seed: Any = None) -> Tensor:
    return _dropped(inputs, rate, noise_shape)


@op("keras.backend.dropout")
def backend_dropout(x: Any, level: Any, noise_shape: Any = None, seed: Any = None) -> Tensor:
    return _dropped(x, level, noise_shape)


@op("tf.nn.dropout")
def tf_dropout(
    x: Any,
    rate: Any = None,
    noise_shape: Any = None,
    seed: Any = None,
    keep_prob: Any = None,
) -> Tensor:
    """Dropout in training and out of it: so the function is called, so it works."""
    given = rate if rate is not None else keep_prob
    if given is None:
        raise RuleError("KT204", "dropout needs a rate")
    return _dropped(x, given if rate is not None else 1 - given, noise_shape)


@op("keras.backend.learning_phase")
def learning_phase() -> Tensor:
    return number(lambda: Expr("self.training"), [], "bool")


# -- lookups and sums -----------------------------------------------------------------------------


@op("tf.nn.embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: Any = None,
    validate_indices: Any = None,
    max_norm: Any = None,
) -> Tensor:
    table, ids = tensor(params, "the table"), tensor(ids, "the ids")
    if max_norm is not None:
        raise RuleError("KT203", "embedding_lookup with max_norm is not supported")
    if table.rank == 2:
        return derived(
            lambda t, i: F.embedding(i.long() if ids.dtype != "int64" else i, t),
            [table, ids],
            (*ids.shape, table.shape[1]),
            table.dtype,
        )
    shape = (*ids.shape, *table.shape[1:])
    return derived(lambda t, i: t[i.long()], [table, ids], shape, table.dtype)


@op("tf.nn.l2_loss")
def l2_loss(t: Any) -> Tensor:
    x = tensor(t, "the argument of l2_loss")
    return derived(lambda e: e.square().sum() / 2, [x], (), x.dtype, wants=Layout.KEEP)


# -- channels and pixels --------------------------------------------------------------------------


def _blocks(x: Any, block: Any, data_format: Any, up: bool) -> Tensor:
    x = tensor(x, "the picture")
    picture = Picture.of(x, data_format)
    area = block * block
    sizes, channels = picture.sizes, picture.channels
    if up:
        sizes = tuple(None if s is None else s * block for s in sizes)
        channels = None if channels is None else channels // area
    else:
        sizes = tuple(None if s is None else s // block for s in sizes)
        channels = None if channels is None else channels * area
    function = Expr("depth_to_space" if up else "space_to_depth")
    if up and is_plain(channels) and channels == 1:
        function = F.pixel_shuffle
    return derived(
        lambda e: function(e, block),
        [x],
        picture.shape(sizes, channels),
        x.dtype,
        picture.layout,
        picture.layout,
    )


@op("tf.nn.depth_to_space", "tf.depth_to_space", "keras.ops.depth_to_space", input="x")
def depth_to_space(x: Any, block_size: Any, data_format: Any = None) -> Tensor:
    return _blocks(x, block_size, data_format, up=True)


@op("tf.nn.space_to_depth", "tf.space_to_depth", "keras.ops.space_to_depth", input="x")
def space_to_depth(x: Any, block_size: Any, data_format: Any = None) -> Tensor:
    return _blocks(x, block_size, data_format, up=False)
