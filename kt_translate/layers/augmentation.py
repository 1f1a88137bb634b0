"""Layers that change pictures at random in training, and leave them alone otherwise."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from kt_translate.layers.layer import (
    Call,
    Expr,
    RuleError,
    Shape,
    Sym,
    Tensor,
    as_text,
    is_plain,
    nn,
    torch,
    unless,
)
from kt_translate.layers.spatial import Spatial, lower, name_of, plain

R = TypeVar("R", bound="Picture")

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("bilinear", "nearest")


class Picture(Spatial, abstract=True):
    """A layer on pictures, whose numbers it makes floating-point ones."""

    rank = 2

    @classmethod
    def bind(cls: type[R], args: list[Any], kwargs: dict[str, Any], flavour: str = "3") -> R:
        """All of them take these two by keyword, whether or not their signature says so."""
        kwargs = dict(kwargs)
        kwargs.pop("bounding_box_format", None)
        fields = [name for name, _ in cls.signature()]
        beside = kwargs.pop("data_format", None) if "data_format" not in fields else None
        layer = super().bind(args, kwargs, flavour)
        if beside is not None:
            layer.data_format = beside
            Spatial.check(layer)
        return layer

    def output_shape(self, *shapes: Shape) -> Shape:
        self.split(shapes[0])
        return shapes[0]

    def floating(self, call: Call) -> Expr:
        if call.tensor.dtype.startswith(("float", "bfloat")):
            return call.x
        return call.x.to(torch.get_default_dtype())


class Augmentation(Picture, abstract=True):
    """A random change; the random numbers are not Keras's, their distribution is."""

    inert = ("seed",)
    factors: ClassVar[tuple[str, ...]] = ("factor",)
    remark: ClassVar[tuple[str, str] | None] = None  # what is to be said where the layer is used

    def check(self) -> None:
        super().check()
        for field in self.factors:
            self.check_factor(field)
        for field, allowed in (("fill_mode", FILL_MODES), ("interpolation", INTERPOLATIONS)):
            value = lower(getattr(self, field, None))
            if isinstance(value, str) and value not in allowed:
                raise RuleError(
                    "KT203",
                    f"{name_of(self)}({field}={value!r}) is not one of {', '.join(allowed)}",
                )

    def check_factor(self, field: str) -> None:
        value = getattr(self, field)
        parts = value if isinstance(value, (tuple, list)) else (value,)
        if len(parts) > 2 or any(is_plain(p) and not -1 <= (p or 0) <= 1 for p in parts):
            raise RuleError(
                "KT204",
                f"{name_of(self)}({field}={as_text(value)}) must be one or two numbers in [-1, 1]",
            )

    def module(self, *tensors: Tensor) -> Expr:
        settings = [self.setting(name) for name in self.positional]
        given = {
            name: unless(getattr(self, name), default)
            for name, default in self.signature()
            if name not in (*self.factors, "seed", "data_format")
        }
        return Expr(name_of(self))(*settings, **given)

    @property
    def positional(self) -> tuple[str, ...]:
        return self.factors

    def setting(self, name: str) -> Any:
        """A list is written as a tuple: nobody is to change it."""
        value = getattr(self, name)
        return tuple(value) if isinstance(value, list) else value

    def forward(self, call: Call) -> Expr:
        return call.module(self.floating(call))

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return self.module(*tensors) if tensors[0].dtype.startswith("float") else None


class RandomFlip(Augmentation):
    """``keras.layers.RandomFlip``."""

    mode: Any = "horizontal_and_vertical"
    seed: Any = None
    data_format: Any = None

    factors = ()

    def check(self) -> None:
        super().check()
        sides = ("horizontal", "vertical", "horizontal_and_vertical")
        if isinstance(self.mode, str) and self.mode not in sides:
            raise RuleError("KT203", f"RandomFlip(mode={self.mode!r}): one of {', '.join(sides)}")

    def module(self, *tensors: Tensor) -> Expr:
        flip = Expr("RandomFlip")
        if isinstance(self.mode, Sym) or self.mode != "horizontal_and_vertical":
            return flip(self.mode)
        if self.flavour == "2":  # each direction by itself
            return nn.Sequential(flip("horizontal"), flip("vertical"))
        return flip()


class RandomRotation(Augmentation):
    """``keras.layers.RandomRotation``."""

    factor: Any
    fill_mode: Any = "reflect"
    interpolation: Any = "bilinear"
    seed: Any = None
    fill_value: Any = 0.0
    data_format: Any = None


class RandomZoom(Augmentation):
    """``keras.layers.RandomZoom``; without a factor for the width it is that for the height."""

    height_factor: Any
    width_factor: Any = None
    fill_mode: Any = "reflect"
    interpolation: Any = "bilinear"
    seed: Any = None
    fill_value: Any = 0.0
    data_format: Any = None

    factors = ("height_factor", "width_factor")

    @property
    def positional(self) -> tuple[str, ...]:
        return ("height_factor",) if self.width_factor is None else self.factors


class RandomTranslation(Augmentation):
    """``keras.layers.RandomTranslation``."""

    height_factor: Any
    width_factor: Any
    fill_mode: Any = "reflect"
    interpolation: Any = "bilinear"
    seed: Any = None
    fill_value: Any = 0.0
    data_format: Any = None

    factors = ("height_factor", "width_factor")


class RandomBrightness(Augmentation):
    """``keras.layers.RandomBrightness``."""

    factor: Any
    value_range: Any = (0, 255)
    seed: Any = None


class RandomContrast(Augmentation):
    """``keras.layers.RandomContrast``."""

    factor: Any
    value_range: Any = (0, 255)
    seed: Any = None

    def setting(self, name: str) -> Any:
        """One number made less contrast, too, in Keras 2."""
        factor = super().setting(name)
        both = self.flavour == "2" and not isinstance(factor, tuple)
        return (factor, factor) if both else factor


class RandomCrop(Augmentation):
    """``keras.layers.RandomCrop``: of the cropped size to Keras, even where it does not crop."""

    height: Any
    width: Any
    seed: Any = None
    data_format: Any = None

    factors = ()

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, _, channels = self.split(shapes[0])
        return self.join(batch, (self.height, self.width), channels)

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("ResizingCrop" if self.flavour == "2" else "RandomCrop")(
            self.height, self.width
        )


class RandomHeight(Augmentation):
    """``RandomHeight`` of Keras 2."""

    factor: Any
    interpolation: Any = "bilinear"
    seed: Any = None

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, (_, width), channels = self.split(shapes[0])
        return self.join(batch, (None, width), channels)

    def module(self, *tensors: Tensor) -> Expr:
        return Expr(name_of(self))(self.setting("factor"), mode=self.mode)

    @property
    def mode(self) -> Any:
        modes = {"bilinear": "bilinear", "nearest": "nearest-exact"}
        return unless(modes[lower(plain(self, "interpolation"))], "bilinear")


class RandomWidth(RandomHeight):
    """``RandomWidth`` of Keras 2."""

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, (height, _), channels = self.split(shapes[0])
        return self.join(batch, (height, None), channels)
