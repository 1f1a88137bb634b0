"""Dense and Embedding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.layers.layer import Call, Expr, Layer, Layout, Shape, Tensor, nn, unless
from kt_translate.layers.spatial import known_channels


class Dense(Layer):
    """``keras.layers.Dense``: acts on the last axis."""

    layout = Layout.LAST
    masking = "pass"
    renamed = {
        "output_dim": "units",
        "init": "kernel_initializer",
        "bias": "use_bias",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_constraint",
        "b_constraint": "bias_constraint",
    }

    counts = ("units",)

    units: Any
    activation: Any = None
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: Any = None

    only = {"lora_rank": (None,), "quantization_config": (None,)}
    inert = ("lora_alpha",)

    def output_shape(self, *shapes: Shape) -> Shape:
        known_channels(self, shapes[0][-1])
        return (*shapes[0][:-1], self.units)

    def module(self, *tensors: Tensor) -> Expr:
        return nn.Linear(tensors[0].channels, self.units, bias=unless(self.use_bias, True))

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "kernel"
        if self.use_bias is not False:
            yield "bias", "bias"


class Embedding(Layer):
    """``keras.layers.Embedding``; row 0 is an ordinary row even with ``mask_zero``."""

    layout = Layout.LAST
    renamed = {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    }

    input_dim: Any
    output_dim: Any
    embeddings_initializer: Any = "uniform"
    embeddings_regularizer: Any = None
    embeddings_constraint: Any = None
    mask_zero: Any = False
    weights: Any = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: Any = None

    only = {"lora_rank": (None,), "quantization_config": (None,)}

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*shapes[0], self.output_dim)

    def output_dtype(self, *dtypes: str) -> str:
        return "float32"

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        if self.mask_zero is not True:
            return None
        return derived(
            lambda x: Expr.binary("!=", x, Expr("0")),
            [tensors[0]],
            tensors[0].shape,
            "bool",
            label="mask",
        )

    def module(self, *tensors: Tensor) -> Expr:
        return nn.Embedding(self.input_dim, self.output_dim)

    def forward(self, call: Call) -> Expr:
        x = call.x if call.tensor.dtype.startswith(("int", "uint")) else call.x.int()
        return call.module(x)

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "embeddings"
