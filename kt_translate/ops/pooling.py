"""Pooling, padding and enlarging as functions: what layers without weights do."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.precision import resized
from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import (
    REGISTRY,
    Call,
)
from kt_translate.ops.arguments import Picture, op, tensor
from kt_translate.ops.op import precise_to
from kt_translate.pytorch.expr import Expr


def by_layer(name: str, x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """What the layer ``name``, which has no weights, does to ``x``."""
    x = tensor(x, f"the argument of {name}")
    rule = REGISTRY[name].bind(list(args), kwargs)
    wants = rule.wants(x)[0]
    seen = x.seen_in(wants)
    output = rule.outputs(seen)[0]
    in_line = rule.module(seen) is None

    def render(e: Expr) -> Expr:
        if not in_line:
            standalone = rule.standalone(seen)
            assert standalone is not None
            return standalone(e)
        call = Call(
            Expr("None"), [e], [seen], [None], [output], {}, lambda value, comment="": value
        )
        return rule.forward(call)

    return derived(render, [x], output.shape, output.dtype, output.layout, wants, label=name)


# -- pooling --------------------------------------------------------------------------------------


def _pooled(kind: str, x: Any, size: Any, strides: Any, padding: Any, data_format: Any) -> Tensor:
    x = tensor(x, "what is pooled")
    picture = Picture.of(x, data_format)
    padding = str(decided(padding, "the padding")).lower()
    return by_layer(
        f"{kind}Pooling{picture.rank}D",
        x,
        picture.window(size),
        None if strides is None else picture.window(strides),
        padding,
        "channels_first" if picture.first else "channels_last",
    )


@op("keras.ops.max_pool", x="inputs")
def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    data_format: Any = None,
) -> Tensor:
    return _pooled("Max", inputs, pool_size, strides, padding, data_format)


@op("keras.ops.average_pool", x="inputs")
def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    data_format: Any = None,
) -> Tensor:
    return _pooled("Average", inputs, pool_size, strides, padding, data_format)


@op("tf.nn.max_pool", "tf.nn.max_pool1d", "tf.nn.max_pool2d", "tf.nn.max_pool3d", value="input")
def tf_max_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None
) -> Tensor:
    return _pooled("Max", input, ksize, strides, padding, data_format)


@op("tf.nn.avg_pool", "tf.nn.avg_pool1d", "tf.nn.avg_pool2d", "tf.nn.avg_pool3d", value="input")
def tf_avg_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None
) -> Tensor:
    return _pooled("Average", input, ksize, strides, padding, data_format)


@op("keras.backend.pool2d", "keras.backend.pool3d")
def backend_pool(
    x: Any,
    pool_size: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    pool_mode: Any = "max",
) -> Tensor:
    kind = "Max" if decided(pool_mode, "pool_mode") == "max" else "Average"
    return _pooled(kind, x, pool_size, strides, padding, data_format)


def _adaptive(kind: str, x: Any, size: Any, data_format: Any) -> Tensor:
    x = tensor(x, "what is pooled")
    name = f"Adaptive{kind}Pooling{x.rank - 2}D"
    return by_layer(name, x, size, data_format=data_format)


@op("keras.ops.adaptive_average_pool")
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Tensor:
    return _adaptive("Average", inputs, output_size, data_format)


@op("keras.ops.adaptive_max_pool")
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Tensor:
    return _adaptive("Max", inputs, output_size, data_format)


@op("keras.backend.spatial_2d_padding")
def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None) -> Tensor:
    return by_layer("ZeroPadding2D", x, padding, data_format=data_format)


@op("keras.backend.temporal_padding")
def temporal_padding(x: Any, padding: Any = (1, 1)) -> Tensor:
    return by_layer("ZeroPadding1D", x, padding)


@op("keras.backend.spatial_3d_padding")
def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: Any = None
) -> Tensor:
    return by_layer("ZeroPadding3D", x, padding, data_format=data_format)


@op("keras.backend.resize_images")
@precise_to(lambda given: resized(given["interpolation"]))
def resize_images(
    x: Any,
    height_factor: Any,
    width_factor: Any,
    data_format: Any = None,
    interpolation: Any = "nearest",
) -> Tensor:
    size = (height_factor, width_factor)
    return by_layer("UpSampling2D", x, size, data_format, interpolation)


@op("keras.backend.resize_volumes")
def resize_volumes(
    x: Any, depth_factor: Any, height_factor: Any, width_factor: Any, data_format: Any = None
) -> Tensor:
    return by_layer("UpSampling3D", x, (depth_factor, height_factor, width_factor), data_format)
