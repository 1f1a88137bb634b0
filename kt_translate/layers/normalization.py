"""Normalization layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from kt_translate.layers.activations import Elementwise, dim_of
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    F,
    Layer,
    Layout,
    RuleError,
    Sym,
    Tensor,
    is_plain,
    nn,
    unless,
)
from kt_translate.layers.spatial import known_channels, plain

affine = Expr("affine")  # leaves out one of the parameters


def single_axis(layer: Layer) -> int:
    """The axis, where Keras takes one (Keras 2 also a list of one)."""
    axis = plain(layer, "axis")
    if isinstance(axis, (list, tuple)):
        if len(axis) != 1:
            raise RuleError("KT203", f"{type(layer).__name__}(axis={axis}) must be one axis")
        axis = axis[0]
    return int(axis)


def complement(rate: Any) -> Any:
    """1 - rate, without the rounding: 0.01 for 0.99."""
    if not is_plain(rate):
        return Sym.binary("-", 1, rate)
    return round(1 - rate, 12)


class ChannelNorm(Elementwise, abstract=True):
    """Normalization with parameters for the channels, which torch has second."""

    def wants(self, *tensors: Tensor) -> list[Layout]:
        x = tensors[0]
        return [Layout.FIRST if x.rank > 2 and self.axis_of(x) == x.rank - 1 else Layout.LAST]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        outputs[0].layout = self.wants(*tensors)[0]
        return outputs

    def axis_of(self, x: Tensor) -> int:
        axis = single_axis(self)
        if not -x.rank <= axis < x.rank or axis % x.rank == 0:
            raise RuleError("KT204", f"{type(self).__name__}(axis={axis}) of {x.rank} axes")
        return axis % x.rank

    def channels(self, x: Tensor) -> Any:
        return known_channels(self, x.shape[self.axis_of(x)])

    def around(self, x: Tensor, expr: Expr, apply: Callable[[Expr], Expr]) -> Expr:
        """``apply`` with the channels second."""
        axis = self.axis_of(x)
        if x.layout is Layout.FIRST or axis == 1:
            return apply(expr)
        return apply(expr.movedim(axis, 1)).movedim(1, axis)

    def forward(self, call: Call) -> Expr:
        return self.around(call.tensor, call.x, call.module)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        x = tensors[0]
        return self.module(x) if x.layout is Layout.FIRST or self.axis_of(x) == 1 else None

    def parameters(self) -> Iterator[tuple[str, str]]:
        if getattr(self, "scale", True) is not False:
            yield "weight", "gamma"
        if getattr(self, "center", True) is not False:
            yield "bias", "beta"


class BatchNormalization(ChannelNorm):
    """``keras.layers.BatchNormalization``."""

    heeds = True
    renamed = {"gamma_init": "gamma_initializer", "beta_init": "beta_initializer"}
    only = {"renorm": (False, None)}
    inert = ("renorm_clipping", "renorm_momentum", "synchronized")

    axis: Any = -1
    momentum: Any = 0.99
    epsilon: Any = 1e-3
    center: Any = True
    scale: Any = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    moving_mean_initializer: Any = "zeros"
    moving_variance_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None
    renorm: Any = False
    renorm_clipping: Any = None
    renorm_momentum: Any = 0.99
    synchronized: Any = False

    fused = None
    given_mask: ClassVar[Tensor | None] = None  # in the call

    @classmethod
    def bind(
        cls, args: list[Any], kwargs: dict[str, Any], flavour: str = "3"
    ) -> BatchNormalization:
        kwargs = dict(kwargs)
        fused = kwargs.pop("fused", None) if flavour == "2" else None
        virtual = kwargs.pop("virtual_batch_size", None) if flavour == "2" else None
        layer = super().bind(args, kwargs, flavour)
        if virtual is not None:
            raise RuleError("KT203", "BatchNormalization(virtual_batch_size=) is not supported")
        layer.fused = fused
        return layer

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        outputs[0].flattened = tensors[0].flattened if tensors[0].rank == 2 else None
        if isinstance(options.get("mask"), Tensor):
            outputs[0].mask = options["mask"]
            self.__dict__["given_mask"] = options["mask"]
        return outputs

    def mask(self, x: Tensor) -> Tensor | None:
        """The mask that training heeds: of the batch and every axis but the channels."""
        mask = self.given_mask or x.mask
        if mask is None or self.unbiased(x):
            return None
        if self.axis_of(x) != x.rank - 1 or mask.rank != x.rank - 1:
            raise RuleError("KT203", "BatchNormalization with a mask, but not along the last axis")
        return mask

    def unbiased(self, x: Tensor) -> bool:
        """Keras 2 leaves pictures and volumes to TensorFlow's fused kernel, which does as torch."""
        fused = self.flavour == "2" and self.fused is not False and not self.synchronized
        return fused and x.rank in (4, 5) and self.axis_of(x) in (1, x.rank - 1)

    def module(self, *tensors: Tensor) -> Expr:
        (x,) = tensors
        if x.rank > 5:
            raise RuleError("KT203", f"BatchNormalization of {x.rank} axes is not supported")
        settings: dict[str, Any] = {"eps": self.epsilon, "momentum": complement(self.momentum)}
        if self.mask(x) is not None:
            name = "MaskedBatchNorm"
            settings["count_eps"] = 0.0 if self.flavour == "2" else OMIT
        else:
            prefix = "Freezable" if self.unbiased(x) else ""
            name = f"{prefix}BatchNorm{max(x.rank - 2, 1)}d"
        norm, channels = Expr(name), self.channels(x)
        scale, center = self.scale, self.center
        if scale is False and center is False:
            return norm(channels, **settings, affine=False)
        if scale is True and center is True:
            return norm(channels, **settings)
        return affine(
            norm(channels, **settings), scale=unless(scale, True), center=unless(center, True)
        )

    def forward(self, call: Call) -> Expr:
        mask = call.options.get("mask") or call.masks[0]
        if mask is None or self.mask(call.tensor) is None:
            return super().forward(call)
        return self.around(call.tensor, call.x, lambda x: call.module(x, mask))

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return super().standalone(*tensors) if self.mask(tensors[0]) is None else None

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield from super().parameters()
        if self.moving_mean_initializer not in ("zeros", "Zeros"):
            yield "running_mean", "moving_mean"
        if self.moving_variance_initializer not in ("ones", "Ones"):
            yield "running_var", "moving_variance"


class GroupNormalization(ChannelNorm):
    """``keras.layers.GroupNormalization``; with ``groups=-1`` every channel is a group."""

    groups: Any = 32
    axis: Any = -1
    epsilon: Any = 1e-3
    center: Any = True
    scale: Any = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        outputs[0].flattened = None
        return outputs

    def module(self, *tensors: Tensor) -> Expr:
        channels = self.channels(tensors[0])
        groups = channels if is_plain(self.groups) and self.groups == -1 else self.groups
        if is_plain(groups) and is_plain(channels) and channels % groups:
            raise RuleError("KT204", f"GroupNormalization: {channels} channels in {groups} groups")
        scale, center = self.scale, self.center
        if is_plain((scale, center)) and bool(scale) == bool(center):
            return nn.GroupNorm(groups, channels, eps=self.epsilon, affine=OMIT if scale else False)
        return Expr("GroupNorm")(
            groups,
            channels,
            eps=self.epsilon,
            scale=unless(scale, True),
            center=unless(center, True),
        )


class TrailingNorm(Layer, abstract=True):
    """Normalization over some axes, with parameters of their sizes; torch wants them last."""

    layout = Layout.LAST

    def axes_of(self, x: Tensor) -> tuple[int, ...]:
        axis = plain(self, "axis")
        axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
        if any(not -x.rank <= a < x.rank for a in axes):
            raise RuleError("KT204", f"{type(self).__name__}(axis={axis}) of {x.rank} axes")
        if len({a < 0 for a in axes}) > 1:
            raise RuleError(
                "KT203", f"{type(self).__name__}(axis={axis}): all from the same end, please"
            )
        return tuple(sorted(a % x.rank for a in axes))

    def normalized_shape(self, x: Tensor) -> Any:
        shape = tuple(known_channels(self, x.shape[a]) for a in self.axes_of(x))
        return shape[0] if len(shape) == 1 else shape

    def are_last(self, x: Tensor) -> bool:
        axes = self.axes_of(x)
        return axes == tuple(range(x.rank - len(axes), x.rank))

    def forward(self, call: Call) -> Expr:
        if self.are_last(call.tensor):
            return call.module(call.x)
        axes = self.axes_of(call.tensor)
        if len(axes) == 1:
            return call.module(call.x.movedim(axes[0], -1)).movedim(-1, axes[0])
        last = tuple(range(-len(axes), 0))
        return call.module(call.x.movedim(axes, last)).movedim(last, axes)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return self.module(*tensors) if self.are_last(tensors[0]) else None


class LayerNormalization(TrailingNorm):
    """``keras.layers.LayerNormalization``."""

    masking = "pass"

    axis: Any = -1
    epsilon: Any = 1e-3
    center: Any = True
    scale: Any = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None

    rms_scaling = False

    @classmethod
    def bind(
        cls, args: list[Any], kwargs: dict[str, Any], flavour: str = "3"
    ) -> LayerNormalization:
        kwargs = dict(kwargs)
        rms_scaling = kwargs.pop("rms_scaling", False)
        layer = super().bind(args, kwargs, flavour)
        layer.rms_scaling = rms_scaling
        plain(layer, "rms_scaling")
        return layer

    def module(self, *tensors: Tensor) -> Expr:
        shape = self.normalized_shape(tensors[0])
        scale, center = self.scale, self.center
        if self.rms_scaling:
            return Expr("VarianceScaling")(shape, eps=self.epsilon)
        if scale is False and center is False:
            return nn.LayerNorm(shape, eps=self.epsilon, elementwise_affine=False)
        if scale is True:
            return nn.LayerNorm(shape, eps=self.epsilon, bias=unless(center, True))
        norm = nn.LayerNorm(shape, eps=self.epsilon)
        return affine(norm, scale=scale, center=unless(center, True))

    def parameters(self) -> Iterator[tuple[str, str]]:
        if self.scale is not False or self.rms_scaling:
            yield "weight", "gamma"
        if self.center is not False and not self.rms_scaling:
            yield "bias", "beta"


class RMSNormalization(TrailingNorm):
    """``keras.layers.RMSNormalization``."""

    axis: Any = -1
    epsilon: Any = 1e-6

    def module(self, *tensors: Tensor) -> Expr:
        if not self.are_last(tensors[0]):
            message = f"RMSNormalization(axis={self.axis}): Keras scales along the last axes, whatever axis is"
            raise RuleError("KT203", message)
        return nn.RMSNorm(self.normalized_shape(tensors[0]), eps=self.epsilon)


class UnitNormalization(Elementwise):
    """``keras.layers.UnitNormalization``: vectors of length 1."""

    axis: Any = -1

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        plain(self, "axis")
        return super().outputs(*tensors, **options)

    def forward(self, call: Call) -> Expr:
        axes = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        dims = tuple(dim_of(call.tensor, a) for a in axes)
        return F.normalize(call.x, dim=dims[0] if len(dims) == 1 else dims, eps=1e-12)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None
