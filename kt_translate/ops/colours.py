"""Colours of pictures as tf.image and keras.ops.image treat them."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, is_plain
from kt_translate.ops.arguments import (
    dtype_expr,
    dtype_name,
    elementwise,
    floating,
    is_float,
    op,
    tensor,
)
from kt_translate.ops.image import pictures
from kt_translate.pytorch.expr import Expr, torch

# -- colours --------------------------------------------------------------------------------------


@op("tf.image.rgb_to_grayscale", "keras.ops.image.rgb_to_grayscale")
def rgb_to_grayscale(images: Any, data_format: Any = None) -> Tensor:
    return pictures(images, data_format, lambda e: Expr("rgb_to_grayscale")(e), channels=1)


@op("tf.image.grayscale_to_rgb")
def grayscale_to_rgb(images: Any) -> Tensor:
    return pictures(images, None, lambda e: e.repeat(1, 3, 1, 1), channels=3)


@op("tf.image.rgb_to_hsv", "keras.ops.image.rgb_to_hsv")
def rgb_to_hsv(images: Any, data_format: Any = None) -> Tensor:
    return pictures(images, data_format, lambda e: Expr("rgb_to_hsv")(e))


@op("tf.image.hsv_to_rgb", "keras.ops.image.hsv_to_rgb")
def hsv_to_rgb(images: Any, data_format: Any = None) -> Tensor:
    return pictures(images, data_format, lambda e: Expr("hsv_to_rgb")(e))


def _of_floats(x: Any, what: str) -> Tensor:
    found = tensor(x, "the picture")
    if not is_float(found.dtype):
        raise RuleError("KT203", f"{what} of pictures of whole numbers is not supported")
    return found


@op("tf.image.adjust_brightness")
def adjust_brightness(image: Any, delta: Any) -> Tensor:
    return elementwise(_of_floats(image, "adjust_brightness"), lambda e: e + delta)


@op("tf.image.adjust_contrast")
def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """Away from the mean of each channel."""
    x = _of_floats(images, "adjust_contrast")

    def render(e: Expr) -> Expr:
        mean = e.mean(dim=(2, 3), keepdim=True)
        adjusted: Expr = (e - mean) * contrast_factor + mean
        return adjusted

    return pictures(x, None, render)


@op("tf.image.adjust_gamma")
def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    x = _of_floats(image, "adjust_gamma")
    one = is_plain(gain) and gain == 1

    def render(e: Expr) -> Expr:
        e = e**gamma
        return e if one else gain * e

    return elementwise(x, render)


@op("tf.image.adjust_saturation")
def adjust_saturation(image: Any, saturation_factor: Any) -> Tensor:
    x = _of_floats(image, "adjust_saturation")
    return pictures(x, None, lambda e: Expr("adjust_saturation")(e, saturation_factor))


@op("tf.image.adjust_hue")
def adjust_hue(image: Any, delta: Any) -> Tensor:
    x = _of_floats(image, "adjust_hue")
    return pictures(x, None, lambda e: Expr("adjust_hue")(e, delta))


@op("tf.image.per_image_standardization")
def per_image_standardization(image: Any) -> Tensor:
    x = tensor(image, "the picture")
    return pictures(x, None, lambda e: Expr("standardize_pictures")(e), dtype=floating(x.dtype))


@op("tf.image.convert_image_dtype")
def convert_image_dtype(image: Any, dtype: Any, saturate: Any = False) -> Tensor:
    """Whole numbers are scaled to [0, 1]."""
    x = tensor(image, "the picture")
    name = dtype_name(dtype)
    if is_float(name):
        kind = dtype_expr(dtype)
        most = {"uint8": 255, "int8": 127, "int16": 32767, "uint16": 65535, "int32": 2147483647}
        if is_float(x.dtype):
            return x if x.dtype == name else elementwise(x, lambda e: e.to(kind), name)
        return elementwise(x, lambda e: e.to(kind) / most[x.dtype], name)
    if name == x.dtype:
        return x
    if name != "uint8" or not is_float(x.dtype):
        raise RuleError("KT203", f"pictures of {x.dtype} as {name}")
    limited = bool(decided(saturate, "saturate"))

    def render(e: Expr) -> Expr:
        e = e * 255.5
        return (e.clamp(0, 255) if limited else e).to(torch.uint8)

    return elementwise(x, render, name)


@op("tf.image.total_variation")
def total_variation(images: Any) -> Tensor:
    x = tensor(images, "the pictures")
    if x.rank != 4:
        raise RuleError("KT203", "total_variation of one picture is not supported")
    return derived(
        lambda e: Expr("total_variation")(e), [x], x.shape[:1], x.dtype, Layout.LAST, Layout.FIRST
    )


@op("tf.image.psnr", "keras.ops.psnr", x1="a", x2="b")
def psnr(a: Any, b: Any, max_val: Any) -> Tensor:
    """Of each picture in TensorFlow, of all in Keras; so of each where it has a batch of pictures."""
    x, y = tensor(a, "the pictures"), tensor(b, "the pictures")
    if x.rank != 4:
        raise RuleError("KT203", "psnr of one picture is not supported")

    def render(e: Expr, f: Expr) -> Expr:
        return 10 * torch.log10(max_val**2 / (e - f).square().mean(dim=(1, 2, 3)))

    return derived(render, [x, y], x.shape[:1], x.dtype, Layout.LAST, x.layout)
