"""The rarer augmentations: the identity outside of training, and not translated for it."""

from __future__ import annotations

from typing import Any

from kt_translate.layers.augmentation import Augmentation
from kt_translate.layers.layer import Expr, Tensor
from kt_translate.layers.spatial import name_of


class Untranslated(Augmentation, abstract=True):
    """A layer whose module refuses to train."""

    factors = ()

    @property
    def remark(self) -> tuple[str, str]:  # type: ignore[override]
        return (
            "KT208",
            f"{name_of(self)} is not translated for training; at inference it does nothing",
        )

    def check(self) -> None:
        super(Augmentation, self).check()

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("UntranslatedAugmentation")(name_of(self))


class AugMix(Untranslated):
    """``keras.layers.AugMix``."""

    value_range: Any = (0, 255)
    num_chains: Any = 3
    chain_depth: Any = 3
    factor: Any = 0.3
    alpha: Any = 1.0
    all_ops: Any = True
    interpolation: Any = "bilinear"
    seed: Any = None
    data_format: Any = None


class CutMix(Untranslated):
    """``keras.layers.CutMix``."""

    factor: Any = 1.0
    seed: Any = None
    data_format: Any = None


class Equalization(Untranslated):
    """``keras.layers.Equalization``."""

    value_range: Any = (0, 255)
    bins: Any = 256
    data_format: Any = None


class MixUp(Untranslated):
    """``keras.layers.MixUp``."""

    alpha: Any = 0.2
    data_format: Any = None
    seed: Any = None


class RandAugment(Untranslated):
    """``keras.layers.RandAugment``."""

    value_range: Any = (0, 255)
    num_ops: Any = 2
    factor: Any = 0.5
    interpolation: Any = "bilinear"
    seed: Any = None
    data_format: Any = None


class RandomColorDegeneration(Untranslated):
    """``keras.layers.RandomColorDegeneration``."""

    factor: Any
    value_range: Any = (0, 255)
    data_format: Any = None
    seed: Any = None


class RandomColorJitter(Untranslated):
    """``keras.layers.RandomColorJitter``."""

    value_range: Any = (0, 255)
    brightness_factor: Any = None
    contrast_factor: Any = None
    saturation_factor: Any = None
    hue_factor: Any = None
    seed: Any = None
    data_format: Any = None


class RandomElasticTransform(Untranslated):
    """``keras.layers.RandomElasticTransform``."""

    factor: Any = 1.0
    scale: Any = 1.0
    interpolation: Any = "bilinear"
    fill_mode: Any = "reflect"
    fill_value: Any = 0.0
    value_range: Any = (0, 255)
    seed: Any = None
    data_format: Any = None


class RandomErasing(Untranslated):
    """``keras.layers.RandomErasing``."""

    factor: Any = 1.0
    scale: Any = (0.02, 0.33)
    fill_value: Any = None
    value_range: Any = (0, 255)
    seed: Any = None
    data_format: Any = None


class RandomGaussianBlur(Untranslated):
    """``keras.layers.RandomGaussianBlur``."""

    factor: Any = 1.0
    kernel_size: Any = 3
    sigma: Any = 1.0
    value_range: Any = (0, 255)
    data_format: Any = None
    seed: Any = None


class RandomGrayscale(Untranslated):
    """``keras.layers.RandomGrayscale``."""

    factor: Any = 0.5
    data_format: Any = None
    seed: Any = None


class RandomHue(Untranslated):
    """``keras.layers.RandomHue``."""

    factor: Any
    value_range: Any = (0, 255)
    data_format: Any = None
    seed: Any = None


class RandomInvert(Untranslated):
    """``keras.layers.RandomInvert``."""

    factor: Any = 1.0
    value_range: Any = (0, 255)
    seed: Any = None
    data_format: Any = None


class RandomPerspective(Untranslated):
    """``keras.layers.RandomPerspective``."""

    factor: Any = 1.0
    scale: Any = 1.0
    interpolation: Any = "bilinear"
    fill_value: Any = 0.0
    seed: Any = None
    data_format: Any = None


class RandomPosterization(Untranslated):
    """``keras.layers.RandomPosterization``."""

    factor: Any
    value_range: Any = (0, 255)
    data_format: Any = None
    seed: Any = None


class RandomSaturation(Untranslated):
    """``keras.layers.RandomSaturation``."""

    factor: Any
    value_range: Any = (0, 255)
    data_format: Any = None
    seed: Any = None


class RandomSharpness(Untranslated):
    """``keras.layers.RandomSharpness``."""

    factor: Any
    value_range: Any = (0, 255)
    data_format: Any = None
    seed: Any = None


class RandomShear(Untranslated):
    """``keras.layers.RandomShear``."""

    x_factor: Any = 0.0
    y_factor: Any = 0.0
    interpolation: Any = "bilinear"
    fill_mode: Any = "reflect"
    fill_value: Any = 0.0
    data_format: Any = None
    seed: Any = None


class Solarization(Untranslated):
    """``keras.layers.Solarization``."""

    addition_factor: Any = 0.0
    threshold_factor: Any = 0.0
    value_range: Any = (0, 255)
    seed: Any = None
