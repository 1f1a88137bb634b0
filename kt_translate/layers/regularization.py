"""Dropout, noise, and penalties on what a layer puts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from kt_translate.graph.objects import KerasObject, WeightCode, snake_case
from kt_translate.layers.activations import Elementwise
from kt_translate.layers.layer import (
    Expr,
    Layout,
    RuleError,
    Tensor,
    as_text,
    is_plain,
    nn,
    to_first,
    unless,
)
from kt_translate.layers.spatial import plain


class Noise(Elementwise, abstract=True):
    """A layer with a rate that acts in training only."""

    renamed = {"p": "rate", "sigma": "stddev"}

    def check(self) -> None:
        for field in ("rate", "stddev"):
            value = getattr(self, field, 0)
            if is_plain(value) and not 0 <= value <= 1:
                raise RuleError(
                    "KT204", f"{type(self).__name__}({field}={value}) must be between 0 and 1"
                )


class Dropout(Noise):
    """``keras.layers.Dropout``; the random numbers are not Keras's."""

    inert = ("seed",)

    rate: Any
    noise_shape: Any = None
    seed: Any = None

    plain_class = nn.Dropout
    shared_class = Expr("SharedDropout")

    def module(self, *tensors: Tensor) -> Expr:
        if plain(self, "noise_shape") is None:
            return self.plain_class(self.rate)
        (x,) = tensors
        shape = tuple(self.noise_shape)
        if len(shape) != x.rank:
            raise RuleError("KT204", f"noise_shape has {len(shape)} axes, the input {x.rank}")
        if x.layout is Layout.FIRST and x.rank > 2:
            shape = tuple(shape[i] for i in to_first(x.rank))
        return self.shared_class(self.rate, shape)


class AlphaDropout(Dropout):
    """``keras.layers.AlphaDropout``."""

    rate: Any
    noise_shape: Any = None
    seed: Any = None

    plain_class = nn.AlphaDropout
    shared_class = Expr("SharedAlphaDropout")


class SpatialDropout(Noise, abstract=True):
    """Dropout of whole channels, which torch has second."""

    layout = Layout.FIRST
    inert = ("seed",)
    rank: ClassVar[int]
    if TYPE_CHECKING:
        rate: Any

    def wants(self, *tensors: Tensor) -> list[Layout]:
        return [Layout.LAST if self.channels_first else Layout.FIRST]

    @property
    def channels_first(self) -> bool:
        return getattr(self, "data_format", None) in ("channels_first", "th")

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        if tensors[0].rank != self.rank:
            raise RuleError(
                "KT204", f"{type(self).__name__} takes {self.rank} axes, not {tensors[0].rank}"
            )
        outputs = super().outputs(*tensors, **options)
        if self.channels_first:
            outputs[0].layout = Layout.LAST
        return outputs

    def module(self, *tensors: Tensor) -> Expr:
        dropout: Expr = getattr(nn, f"Dropout{self.rank - 2}d")
        return dropout(self.rate)


class SpatialDropout1D(SpatialDropout):
    """``keras.layers.SpatialDropout1D``."""

    rate: Any
    seed: Any = None

    rank = 3


class SpatialDropout2D(SpatialDropout):
    """``keras.layers.SpatialDropout2D``."""

    rate: Any
    data_format: Any = None
    seed: Any = None

    rank = 4

    def check(self) -> None:
        super().check()
        plain(self, "data_format")


class SpatialDropout3D(SpatialDropout):
    """``keras.layers.SpatialDropout3D``."""

    rate: Any
    data_format: Any = None
    seed: Any = None

    rank = 5

    def check(self) -> None:
        super().check()
        plain(self, "data_format")


class GaussianNoise(Noise):
    """``keras.layers.GaussianNoise``."""

    inert = ("seed",)

    stddev: Any
    seed: Any = None

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("GaussianNoise")(self.stddev)


class GaussianDropout(Noise):
    """``keras.layers.GaussianDropout``."""

    inert = ("seed",)

    rate: Any
    seed: Any = None

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("GaussianDropout")(self.rate)


class ActivityRegularization(Elementwise):
    """``keras.layers.ActivityRegularization``: a penalty on what passes through."""

    l1: Any = 0.0
    l2: Any = 0.0

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("ActivityRegularization")(l1=unless(self.l1, 0.0), l2=unless(self.l2, 0.0))


class OwnActivityRegularization(ActivityRegularization, abstract=True):
    """The same with a penalty that is code of the source's own."""

    penalty: Any = None

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("ActivityRegularization")(penalty=self.penalty)


def activity_penalty(regularizer: Any) -> ActivityRegularization:
    """The layer that stands, behind another one, for its ``activity_regularizer``.

    Keras takes the penalty of the output, after the activation, and divides it by the batch size.
    Raises RuleError for regularizers that are not sums over the elements.
    """
    if isinstance(regularizer, WeightCode):
        return OwnActivityRegularization.bind([], {"penalty": regularizer})
    path, args, kwargs = regularizer, [], {}
    if isinstance(regularizer, KerasObject):
        path, args, kwargs = regularizer.path, regularizer.args, dict(regularizer.kwargs)
    path = getattr(path, "path", path)
    name = snake_case(path.rpartition(".")[2]) if isinstance(path, str) else ""
    if name in ("l1", "l2"):
        factor = args[0] if args else kwargs.get(name, kwargs.get("l", 0.01))
        return ActivityRegularization.bind([], {name: factor})
    if name in ("l1_l2", "l1l2"):
        assumed = 0.01 if regularizer == "l1_l2" else 0.0
        given = {**dict(zip(("l1", "l2"), args)), **kwargs}
        return ActivityRegularization.bind(
            [], {factor: given.get(factor, assumed) for factor in ("l1", "l2")}
        )
    raise RuleError(
        "KT203",
        f"activity_regularizer={as_text(regularizer)} is not supported; supported: L1, L2, L1L2",
    )
