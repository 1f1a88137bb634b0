"""Masking."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.layers.layer import Call, Expr, Layer, Layout, Tensor, as_expr


class Masking(Layer):
    """``keras.layers.Masking``: steps of nothing but ``mask_value`` are masked, and zeroed."""

    layout = Layout.LAST

    mask_value: Any = 0.0

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        def render(x: Expr) -> Expr:
            return Expr.binary("!=", x, as_expr(self.mask_value)).any(dim=-1)

        return derived(render, [tensors[0]], tensors[0].shape[:-1], "bool", label="mask")

    def forward(self, call: Call) -> Expr:
        empty = Expr.binary("==", call.x, as_expr(self.mask_value)).all(dim=-1, keepdim=True)
        return call.x.masked_fill(empty, 0)
