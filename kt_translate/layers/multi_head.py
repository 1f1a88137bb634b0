"""Attention of several heads, each with projections of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

from kt_translate.graph.precision import EXACT, rounded
from kt_translate.graph.sym import Sym, known
from kt_translate.layers.attention import Attending
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    RuleError,
    Shape,
    Tensor,
    as_expr,
    is_plain,
    same,
    unless,
)
from kt_translate.layers.spatial import known_channels, plain


class MultiHead(Attending, abstract=True):
    """What MultiHeadAttention and GroupQueryAttention have in common."""

    if TYPE_CHECKING:
        sliding_window: Any
        use_bias: Any
        use_gate: Any

    call_arguments = (
        "query",
        "value",
        "key",
        "query_mask",
        "value_mask",
        "key_mask",
        "attention_mask",
        "return_attention_scores",
        "training",
        "use_causal_mask",
    )

    def call_order(self) -> tuple[str, ...]:
        if self.flavour == "3":
            return self.call_arguments
        scores = ("return_attention_scores", "training", "use_causal_mask")
        return ("query", "value", "key", "attention_mask", *scores)

    def head_size(self) -> Any:
        raise NotImplementedError

    def keras_precision(self) -> float:
        """Keras 3 has the scale of the scores in float32."""
        size = self.head_size()
        scale = size**-0.5 if isinstance(size, int) else size
        return EXACT if self.flavour == "2" else rounded(scale)

    def features(self, tensors: tuple[Tensor, ...]) -> dict[str, Any]:
        """The settings for channels that are not the query's."""
        query, value, key = self.operands(tensors)
        own = known_channels(self, query.channels)
        channels = known_channels(self, value.channels)
        settings = {"value_features": OMIT if same(channels, own) else channels}
        other = key is not None and not same(key.channels, channels)
        return {**settings, "key_features": key.channels if key is not None and other else OMIT}

    def mask(self, call: Call, query_mask: Expr | None) -> Expr | None:
        """Where the query may look: all masks together, (N, T, S)."""
        inputs = self.written(call)
        parts: list[Expr] = []
        given = call.options.get("attention_mask")
        if given is not None:
            parts.append(as_expr(given).bool())
        if query_mask is not None:
            parts.append(query_mask.unsqueeze(-1))
        value_mask = self.mask_of(call, 1, "value_mask")
        if value_mask is not None:
            parts.append(value_mask.unsqueeze(-2))
        three = len(call.inputs) > 2 or isinstance(call.options.get("key"), Expr)
        key_mask = self.mask_of(call, 2, "key_mask") if three else call.options.get("key_mask")
        if key_mask is not None and key_mask != value_mask:
            parts.append(as_expr(key_mask).unsqueeze(-2))
        if self.sliding_window is not None:
            parts.append(Expr("window_mask")(inputs[0], inputs[1], self.sliding_window))
        return reduce(lambda a, b: Expr.binary("&", a, b), parts) if parts else None

    def attend(self, call: Call, query_mask: Expr | None) -> Expr:
        mask = self.mask(call, query_mask)
        return call.module(
            *self.written(call), mask=OMIT if mask is None else mask, causal=self.causal(call)
        )

    def parameters(self) -> Iterator[tuple[str, str]]:
        for name in (
            "query",
            "key",
            *(("gate",) if self.use_gate is True else ()),
            "value",
            "output",
        ):
            yield f"{name}_dense.weight", "kernel"
            if self.use_bias is not False:
                yield f"{name}_dense.bias", "bias"


class MultiHeadAttention(MultiHead):
    """``keras.layers.MultiHeadAttention``; an explicit ``query_mask`` has no effect in Keras."""

    inert = ("flash_attention", "seed")
    unmasks = True

    num_heads: Any
    key_dim: Any
    value_dim: Any = None
    dropout: Any = 0.0
    use_bias: Any = True
    output_shape: Any = None
    attention_axes: Any = None
    sliding_window: Any = None
    flash_attention: Any = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    use_gate: Any = False
    seed: Any = None

    def head_size(self) -> Any:
        return self.key_dim

    def shape_of(self, query: Tensor, value: Tensor) -> Shape:
        return (*query.shape[:-1], *self.output_sizes(query))

    def scores_shape(self, query: Shape, key: Shape) -> Shape:
        return (query[0], self.num_heads, query[1], key[1])

    def output_sizes(self, query: Tensor) -> tuple[Any, ...]:
        sizes = self.output_shape
        if sizes is None:
            return (query.channels,)
        if isinstance(sizes, Sym) and known(sizes) is None:
            return (Sym.choose(Sym.binary("is", sizes, None), query.channels, sizes),)
        return tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,)

    def axes(self, query: Tensor) -> tuple[int, ...] | None:
        """The axes to attend along, if they are not the only one that a sequence has."""
        axes = plain(self, "attention_axes")
        if axes is None:
            axes = tuple(range(1, query.rank - 1))
        axes = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
        axes = tuple(a % query.rank for a in axes)
        return None if query.rank == 3 and axes == (1,) else axes

    def class_and_extras(self, query: Tensor) -> tuple[str, dict[str, Any]]:
        axes, gate = self.axes(query), plain(self, "use_gate")
        special = [axes is not None, bool(gate), self.scored]
        masked = self.masked or query.mask is not None or self.sliding_window is not None
        if sum(special) > 1 or (axes is not None and masked):
            raise RuleError(
                "KT203",
                "MultiHeadAttention: attention_axes, use_gate and return_attention_scores exclude each other here, "
                "and masks go with sequences only",
            )
        if axes is not None:
            return "AxesMultiHeadAttention", {"axes": axes}
        return ("Gated" if gate else "Scored" if self.scored else "") + "MultiHeadAttention", {}

    def module(self, *tensors: Tensor) -> Expr:
        query = tensors[0]
        name, extras = self.class_and_extras(query)
        sizes = self.output_sizes(query)
        features = reduce(lambda a, b: a * b, sizes)
        return Expr(name)(
            query.channels,
            self.num_heads,
            self.key_dim,
            **extras,
            value_dim=(
                OMIT
                if self.value_dim is None or same(self.value_dim, self.key_dim)
                else self.value_dim
            ),
            **self.features(tensors),
            output_features=OMIT if same(features, query.channels) else features,
            dropout=OMIT if is_plain(self.dropout) and self.dropout == 0 else self.dropout,
            bias=unless(self.use_bias, True),
        )

    def forward(self, call: Call) -> Expr:
        if self.axes(call.tensor) is not None and self.causal(call) is not OMIT:
            raise RuleError("KT203", "MultiHeadAttention: use_causal_mask goes with sequences only")
        result = self.attend(call, call.masks[0])
        sizes = self.output_sizes(call.tensor)
        if len(sizes) == 1:
            return result
        if self.scored:
            raise RuleError(
                "KT203", "MultiHeadAttention with scores takes an output_shape of one size only"
            )
        return result.unflatten(-1, sizes)


class GroupedQueryAttention(MultiHead, aliases=("GroupQueryAttention",)):
    """``keras.layers.GroupQueryAttention``."""

    inert = ("flash_attention", "seed")

    head_dim: Any
    num_query_heads: Any
    num_key_value_heads: Any
    dropout: Any = 0.0
    use_bias: Any = True
    sliding_window: Any = None
    flash_attention: Any = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    use_gate: Any = False
    seed: Any = None

    def head_size(self) -> Any:
        return self.head_dim

    def check(self) -> None:
        heads, shared = self.num_query_heads, self.num_key_value_heads
        if is_plain((heads, shared)) and heads % shared:
            raise RuleError(
                "KT204", f"GroupQueryAttention: {heads} heads of the query share {shared}"
            )

    def shape_of(self, query: Tensor, value: Tensor) -> Shape:
        if query.rank != 3:
            raise RuleError("KT204", f"GroupQueryAttention takes sequences, not {query.rank} axes")
        return query.shape

    def scores_shape(self, query: Shape, key: Shape) -> Shape:
        return (query[0], self.num_query_heads, query[1], key[1])

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("GroupQueryAttention")(
            tensors[0].channels,
            self.head_dim,
            self.num_query_heads,
            self.num_key_value_heads,
            **self.features(tensors),
            dropout=OMIT if is_plain(self.dropout) and self.dropout == 0 else self.dropout,
            bias=unless(self.use_bias, True),
            gate=unless(self.use_gate, False),
            scores=unless(self.scored, False),
        )

    def forward(self, call: Call) -> Expr:
        return self.attend(call, self.mask_of(call, 0, "query_mask"))
