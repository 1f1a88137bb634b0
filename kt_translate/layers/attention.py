"""Attention layers, those without projections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    F,
    Layer,
    Layout,
    RuleError,
    Shape,
    Tensor,
    as_expr,
    is_plain,
    unless,
)
from kt_translate.layers.spatial import known_channels


class Attending(Layer, abstract=True):
    """A layer called on query, value and perhaps key.

    `outputs` notes what `module` has to know of the call: tensors given by name, and whether scores are asked for.
    """

    heeds = True
    layout = Layout.LAST

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        self.note(tensors, options)
        query, value, key = self.operands(tensors)
        output = Tensor(self.shape_of(query, value), query.dtype, Layout.LAST)
        output.mask = self.output_mask(*tensors)
        if not self.scored:
            return [output]
        return [output, Tensor(self.scores_shape(query.shape, (key or value).shape), query.dtype)]

    def note(self, tensors: tuple[Tensor, ...], options: dict[str, Any]) -> None:
        self.named = {
            k: v for k, v in options.items() if k in ("query", "value", "key") and v is not None
        }
        wanted = options.get("return_attention_scores", False)
        if not is_plain(wanted):
            raise RuleError(
                "KT203", f"{type(self).__name__}: return_attention_scores must be known"
            )
        self.scored = bool(wanted)
        self.masked = any(options.get(name) is not None for name in ("mask", "attention_mask"))

    def operands(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor | None]:
        named = getattr(self, "named", {})
        given = [*tensors, *(named[k] for k in ("query", "value", "key") if k in named)]
        if given and given[0].rank < 3:
            raise RuleError("KT204", f"{type(self).__name__} takes sequences")
        if not 2 <= len(given) <= 3:
            raise RuleError("KT204", f"{type(self).__name__} takes query, value and perhaps key")
        return given[0], given[1], given[2] if len(given) > 2 else None

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        return tensors[0].mask

    def shape_of(self, query: Tensor, value: Tensor) -> Shape:
        raise NotImplementedError

    def scores_shape(self, query: Shape, key: Shape) -> Shape:
        raise NotImplementedError

    def written(self, call: Call) -> list[Expr]:
        """The expressions of query, value and perhaps key; of the last only if it is another tensor."""
        named = [
            call.options[k]
            for k in ("query", "value", "key")
            if isinstance(call.options.get(k), Expr)
        ]
        given = [*call.inputs, *named]
        return given[:2] if len(given) > 2 and given[2] == given[1] else given

    def causal(self, call: Call) -> Any:
        causal = call.options.get("use_causal_mask", False)
        return OMIT if causal in (False, None) else causal

    def mask_of(self, call: Call, index: int, name: str) -> Expr | None:
        """The mask that an input is given by name, or else carries."""
        given = call.options.get(name)
        if given is not None:
            return as_expr(given)
        return call.masks[index] if index < len(call.masks) else None

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None


class Attention(Attending):
    """``keras.layers.Attention``: no projections, no scaling."""

    call_arguments = ("inputs", "mask", "training", "return_attention_scores", "use_causal_mask")
    only = {"score_mode": ("dot", "concat")}
    inert = ("seed",)

    use_scale: Any = False
    score_mode: Any = "dot"
    dropout: Any = 0.0
    seed: Any = None

    def shape_of(self, query: Tensor, value: Tensor) -> Shape:
        return (*query.shape[:-1], value.channels)

    def scores_shape(self, query: Shape, key: Shape) -> Shape:
        return (*query[:-1], key[-2])

    def is_plain_product(self, tensors: tuple[Tensor, ...]) -> bool:
        """Whether torch's own function does it."""
        settings = self.use_scale is False and is_plain(self.dropout) and self.dropout == 0
        masked = self.masked or any(t.mask is not None for t in tensors[:2])
        return settings and self.score_mode == "dot" and not masked and not self.scored

    def module(self, *tensors: Tensor) -> Expr | None:
        if self.is_plain_product(tensors):
            return None
        return Expr("Attention")(
            scale=unless(self.use_scale, False),
            concat=True if self.score_mode == "concat" else OMIT,
            dropout=OMIT if is_plain(self.dropout) and self.dropout == 0 else self.dropout,
        )

    def forward(self, call: Call) -> Expr:
        query, value, *key = self.written(call)
        causal = self.causal(call)
        if self.module(*call.tensors) is None:
            return F.scaled_dot_product_attention(
                query, *(key or [value]), value, is_causal=causal, scale=1.0
            )
        masks = call.options.get("mask") or call.masks
        attended = call.module(
            query,
            value,
            *key,
            query_mask=OMIT if masks[0] is None else masks[0],
            value_mask=OMIT if masks[1] is None else masks[1],
            causal=causal,
        )
        return attended if self.scored else attended[0]


class AdditiveAttention(Attention):
    """``keras.layers.AdditiveAttention``."""

    use_scale: Any = True
    dropout: Any = 0.0

    @classmethod
    def signature(cls) -> list[tuple[str, Any]]:
        return [("use_scale", True), ("dropout", 0.0)]

    only = {}

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("AdditiveAttention")(
            known_channels(self, tensors[0].channels),
            scale=unless(self.use_scale, True),
            dropout=OMIT if is_plain(self.dropout) and self.dropout == 0 else self.dropout,
        )

    def parameters(self) -> Iterator[tuple[str, str]]:
        return iter(())
