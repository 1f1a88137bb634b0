"""Identity and Rescaling."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.precision import rounded
from kt_translate.layers.activations import Elementwise
from kt_translate.layers.layer import Call, Expr, Layout, RuleError, Tensor, is_plain, nn, torch


class Identity(Elementwise):
    """``keras.layers.Identity``."""

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def forward(self, call: Call) -> Expr:
        return call.x

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return nn.Identity()


class Rescaling(Elementwise):
    """``keras.layers.Rescaling``: ``x * scale + offset``, with numbers or lists of one for each channel."""

    scale: Any
    offset: Any = 0.0

    def keras_precision(self) -> float:
        return rounded(self.scale, self.offset)

    def check(self) -> None:
        for field in ("scale", "offset"):
            value = getattr(self, field)
            if isinstance(value, (list, tuple)) and any(
                isinstance(v, (list, tuple)) for v in value
            ):
                raise RuleError(
                    "KT203", f"Rescaling({field}=) must be a number or a list of numbers"
                )

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        if any(isinstance(v, (list, tuple)) for v in (self.scale, self.offset)):
            outputs[0].flattened = None
        return outputs

    def forward(self, call: Call) -> Expr:
        x = call.x if self.scales_by_float else call.x.to(torch.get_default_dtype())
        product: Expr = x * self.term(self.scale, call)
        if (
            is_plain(self.offset)
            and not isinstance(self.offset, (list, tuple))
            and self.offset == 0
        ):
            return product
        shifted: Expr = product + self.term(self.offset, call)
        return shifted

    @property
    def scales_by_float(self) -> bool:
        """Whether torch itself makes floating-point numbers of integers here."""
        return isinstance(self.scale, float) or getattr(self.scale, "head", "") == "/"

    def term(self, value: Any, call: Call) -> Any:
        """The number, or the tensor of them that fits the channels of x."""
        if not isinstance(value, (list, tuple)):
            return value
        tensor = torch.tensor(
            list(value), dtype=Expr("torch.get_default_dtype()"), device=call.x.device
        )
        if call.tensor.layout is Layout.FIRST and call.tensor.rank > 2:
            tensor = tensor.view(-1, *[1] * (call.tensor.rank - 2))
        return tensor
