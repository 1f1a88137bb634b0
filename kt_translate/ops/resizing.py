"""Resizing of pictures: keras.ops.image.resize, tf.image.resize, and TensorFlow 1's."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.precision import resized
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import DEFAULT_FLOAT, Sizes, floating, is_float, op, tensor
from kt_translate.ops.image import pictures
from kt_translate.ops.op import precise_to
from kt_translate.pytorch.expr import Expr, F

_KNOWN = ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5")
_METHODS = {0: "bilinear", 1: "nearest", 2: "bicubic", 3: "area", "nearest_neighbor": "nearest"}


# -- resizing -------------------------------------------------------------------------------------


def _resized(
    x: Any, size: Any, method: str, antialias: bool, data_format: Any = None, **corners: Any
) -> Tensor:
    if method not in _KNOWN:
        raise RuleError("KT203", f"resizing by {method!r} is not supported")
    x, sizes = tensor(x, "the picture"), Sizes.of(size)
    if len(sizes.items) == 1:
        sizes = Sizes(sizes.items * 2)
    dtype = x.dtype if method == "nearest" else floating(x.dtype)

    def render(e: Expr, *given: Expr) -> Expr:
        to = tuple(sizes.exprs(given))
        if not is_float(x.dtype):
            e = e.to(DEFAULT_FLOAT)
        e = _interpolated(e, to, method, antialias, corners)
        whole = method == "nearest" and not is_float(x.dtype)
        return e.to(Expr(f"torch.{x.dtype}")) if whole else e

    return pictures(x, data_format, render, sizes.shape, dtype=dtype, more=sizes.inputs)


def _interpolated(e: Expr, size: Any, method: str, antialias: bool, corners: Any) -> Expr:
    smooth = {"antialias": True} if antialias else {}
    if method == "nearest":
        return F.interpolate(e, size, mode=corners.get("nearest", "nearest-exact"))
    if method == "bilinear":
        return F.interpolate(e, size, mode="bilinear", **corners, **smooth)
    if method == "bicubic":
        if antialias:
            return F.interpolate(e, size, mode="bicubic", antialias=True)
        return Expr("resize_bicubic")(e, size)
    if method == "area":
        return Expr("resize_area")(e, size)
    return Expr("resize_lanczos")(e, size, radius=int(method[-1]), **smooth)


def _method(value: Any) -> str:
    """The name of a method, which may be given as tf.image.ResizeMethod.BILINEAR or a number."""
    path = getattr(value, "path", None)
    value = path.rpartition(".")[2] if isinstance(path, str) else decided(value, "the method")
    value = value.lower() if isinstance(value, str) else value
    return str(_METHODS.get(value, value))


def _precision(given: dict[str, Any]) -> float:
    return resized(_method(given.get("method", given.get("interpolation", "bilinear"))))


@op("keras.ops.image.resize")
@precise_to(_precision)
def resize(
    images: Any,
    size: Any,
    interpolation: Any = "bilinear",
    antialias: Any = False,
    crop_to_aspect_ratio: Any = False,
    pad_to_aspect_ratio: Any = False,
    fill_mode: Any = "constant",
    fill_value: Any = 0.0,
    data_format: Any = None,
) -> Tensor:
    if decided(crop_to_aspect_ratio, "crop") or decided(pad_to_aspect_ratio, "pad"):
        raise RuleError("KT203", "resizing that keeps the aspect ratio is not supported here")
    smooth = bool(decided(antialias, "antialias"))
    return _resized(images, size, _method(interpolation), smooth, data_format)


@op("tf.image.resize")
@precise_to(_precision)
def tf_resize(
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: Any = False,
    antialias: Any = False,
) -> Tensor:
    if decided(preserve_aspect_ratio, "preserve_aspect_ratio"):
        raise RuleError("KT203", "resizing that keeps the aspect ratio is not supported here")
    return _resized(images, size, _method(method), bool(decided(antialias, "antialias")))


def _first_tf(images: Any, size: Any, method: str, align_corners: Any, centers: Any) -> Tensor:
    """TensorFlow 1's: a pixel's place is its corner, unless it is asked otherwise."""
    if decided(centers, "half_pixel_centers"):
        return _resized(images, size, method, False)
    aligned = bool(decided(align_corners, "align_corners"))
    if method == "nearest":
        if aligned:
            raise RuleError("KT203", "nearest neighbours with aligned corners are not supported")
        return _resized(images, size, method, False, nearest="nearest")
    if aligned and method == "bilinear":
        return _resized(images, size, method, False, align_corners=True)
    if method != "bilinear":
        raise RuleError("KT203", f"TensorFlow 1's {method} resizing is not supported")
    x, sizes = tensor(images, "the picture"), Sizes.of(size)
    return pictures(
        x,
        None,
        lambda e, *given: Expr("resize_bilinear_by_corner")(
            e if is_float(x.dtype) else e.to(DEFAULT_FLOAT), tuple(sizes.exprs(given))
        ),
        sizes.shape,
        dtype=floating(x.dtype),
        more=sizes.inputs,
    )


@op("tf.image.resize_bilinear")
@precise_to(_precision)
def resize_bilinear(
    images: Any, size: Any, align_corners: Any = False, half_pixel_centers: Any = False
) -> Tensor:
    return _first_tf(images, size, "bilinear", align_corners, half_pixel_centers)


@op("tf.image.resize_nearest_neighbor")
def resize_nearest(
    images: Any, size: Any, align_corners: Any = False, half_pixel_centers: Any = False
) -> Tensor:
    return _first_tf(images, size, "nearest", align_corners, half_pixel_centers)


@op("tf.image.resize_images")
@precise_to(_precision)
def resize_images(
    images: Any, size: Any, method: Any = "bilinear", align_corners: Any = False
) -> Tensor:
    return _first_tf(images, size, _method(method), align_corners, False)
