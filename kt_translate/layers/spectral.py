"""SpectralNormalization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.layers.layer import Call, Expr, Layer, Layout, RuleError, Tensor, as_text, unless
from kt_translate.layers.rnn_settings import rule_of
from kt_translate.layers.rnn_wrappers import Wrapper

_INNER = ("Dense", "Conv1D", "Conv2D", "Conv3D", "Embedding")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")


class SpectralNormalization(Wrapper):
    """``keras.layers.SpectralNormalization`` around a layer with a kernel."""

    layer: Any
    power_iterations: Any = 1

    @property
    def inner(self) -> Layer:
        inner: Layer = rule_of(self.layer)
        return inner

    def check(self) -> None:
        name = type(self.inner).__name__
        if name not in (*_INNER, *_TRANSPOSED):
            supported = ", ".join((*_INNER, *_TRANSPOSED))
            raise RuleError(
                "KT203",
                f"SpectralNormalization({as_text(self.inner)}) is not supported; "
                f"supported: {supported}",
            )
        self.activation = getattr(self.inner, "activation", None)

    def wants(self, *tensors: Tensor) -> list[Layout]:
        return self.inner.wants(*tensors)

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = self.inner.outputs(*tensors, **options)
        outputs[0].mask = None
        return outputs

    def module(self, *tensors: Tensor) -> Expr:
        inner = self.inner.module(*tensors)
        return Expr("SpectralNormalization")(
            inner, power_iterations=unless(self.power_iterations, 1)
        )

    def forward(self, call: Call) -> Expr:
        return self.inner.forward(call)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        inner = self.inner.standalone(*tensors)
        if inner is None:
            return None
        return Expr("SpectralNormalization")(
            inner, power_iterations=unless(self.power_iterations, 1)
        )

    def parameters(self) -> Iterator[tuple[str, str]]:
        for parameter, prefix in self.inner.parameters():
            yield f"layer.{parameter}", prefix
