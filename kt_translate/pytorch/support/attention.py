"""Keras's multi-head attention: any size per head, and its own way with masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    causal: bool,
    dropout: float,
    training: bool,
) -> Tensor:
    """Scaled dot-product attention of (N, heads, length, dim); ``mask`` is true where q may look.

    Where it may look at nothing, Keras takes the mean of all values, or 0 if there is dropout.
    """
    p = dropout if training else 0.0
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=causal)
    mask = mask if mask.dim() >= q.dim() else mask.unsqueeze(-3)
    if causal:
        mask = mask & mask.new_ones(q.shape[-2], k.shape[-2]).tril()
    looks = mask.any(dim=-1, keepdim=True)
    q = torch.where(looks, q, 0.0)
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~looks, dropout_p=p)
    return torch.where(looks, attended, 0.0) if dropout else attended


def attend_with_scores(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    causal: bool,
    dropout: float,
    training: bool,
) -> tuple[Tensor, Tensor]:
    """The same, and the weights that each value had; they are 0 where ``mask`` is false."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if causal:
        past = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
        mask = past if mask is None else mask & past
    if mask is None:
        weights = scores.softmax(dim=-1)
    else:
        mask = mask if mask.dim() >= q.dim() or mask.dim() < 3 else mask.unsqueeze(-3)
        weights = scores.masked_fill(~mask, -1e9).softmax(dim=-1).masked_fill(~mask, 0.0)
    return F.dropout(weights, dropout, training) @ v, weights


def window_mask(query: Tensor, value: Tensor, width: int) -> Tensor:
    """True (T, S) where two positions are less than ``width`` apart."""
    rows = torch.arange(query.shape[1], device=query.device)
    columns = torch.arange(value.shape[1], device=query.device)
    return (rows[:, None] - columns).abs() < width


def projection_state(
    names: Sequence[str], bias: bool, arrays: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """The projections' state from Keras's kernels and biases, which have an axis for heads."""
    state = {}
    count = 2 if bias else 1
    if len(arrays) != count * len(names):
        raise ValueError(f"{count * len(names)} arrays are wanted, not {len(arrays)}")
    for i, name in enumerate(names):
        kernel, *shift = arrays[i * count :][:count]
        rows = kernel.shape[0] if name != "output_dense" else kernel.shape[0] * kernel.shape[1]
        state[f"{name}.weight"] = kernel.reshape(rows, -1).T
        for array in shift:
            state[f"{name}.bias"] = array.reshape(-1)
    return state


class MultiHeadAttention(nn.Module):
    """Keras's attention: ``key_dim`` is free, where nn.MultiheadAttention ties it to the features.

    The order of the inputs is Keras's: query, value, key. The key has the value's features unless
    ``key_features`` says otherwise, the value the query's unless ``value_features`` does.
    """

    keras_kinds = ("multi_head_attention",)

    def __init__(
        self,
        features: int,
        num_heads: int,
        key_dim: int,
        *,
        value_dim: int | None = None,
        value_features: int | None = None,
        key_features: int | None = None,
        output_features: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        value_dim = value_dim or key_dim
        value_features = value_features or features
        key_features = key_features or value_features
        output_features = output_features or features
        self.num_heads = num_heads
        self.dropout = dropout
        self.query_dense = nn.Linear(features, num_heads * key_dim, bias=bias)
        self.key_dense = nn.Linear(key_features, num_heads * key_dim, bias=bias)
        self.value_dense = nn.Linear(value_features, num_heads * value_dim, bias=bias)
        self.output_dense = nn.Linear(num_heads * value_dim, output_features, bias=bias)

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """query (N, T, C), value and key (N, S, ...) -> (N, T, C); ``mask`` is (N, T, S)."""
        q, k, v = self.heads(query, value, key)
        attended = attend(q, k, v, mask, causal, self.dropout, self.training)
        return self.output_dense(attended.transpose(-3, -2).flatten(-2))

    def heads(self, query: Tensor, value: Tensor, key: Tensor | None) -> list[Tensor]:
        """Query, key and value as (N, heads, length, dim)."""
        key = value if key is None else key
        projected = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        return [x.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2) for x in projected]

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        names = ("query_dense", "key_dense", "value_dense", "output_dense")
        return projection_state(names, self.query_dense.bias is not None, arrays)


class ScoredMultiHeadAttention(MultiHeadAttention):
    """Multi-head attention that can give the attention's weights (N, heads, T, S), too."""

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> tuple[Tensor, Tensor]:
        q, k, v = self.heads(query, value, key)
        attended, scores = attend_with_scores(q, k, v, mask, causal, self.dropout, self.training)
        return self.output_dense(attended.transpose(-3, -2).flatten(-2)), scores


class GatedMultiHeadAttention(MultiHeadAttention):
    """Multi-head attention whose result is multiplied with a gate, computed from the query."""

    def __init__(
        self, features: int, num_heads: int, key_dim: int, *, bias: bool = True, **options: Any
    ) -> None:
        super().__init__(features, num_heads, key_dim, bias=bias, **options)
        self.gate_dense = nn.Linear(features, self.value_dense.out_features, bias=bias)

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        q, k, v = self.heads(query, value, key)
        attended = attend(q, k, v, mask, causal, self.dropout, self.training)
        gate = torch.sigmoid(self.gate_dense(query))
        return self.output_dense(attended.transpose(-3, -2).flatten(-2) * gate)

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        names = ("query_dense", "key_dense", "gate_dense", "value_dense", "output_dense")
        return projection_state(names, self.query_dense.bias is not None, arrays)


class AxesMultiHeadAttention(MultiHeadAttention):
    """Multi-head attention along some ``axes`` of (N, ..., C) at once; along the others, apart."""

    def __init__(
        self, features: int, num_heads: int, key_dim: int, *, axes: Sequence[int], **options: Any
    ) -> None:
        super().__init__(features, num_heads, key_dim, **options)
        self.axes = tuple(axes)

    def forward(self, query: Tensor, value: Tensor, key: Tensor | None = None) -> Tensor:
        places = tuple(range(-1 - len(self.axes), -1))
        sizes = [query.shape[axis] for axis in self.axes]
        query, value, key = (
            None if x is None else x.movedim(self.axes, places).flatten(places[0], -2)
            for x in (query, value, key)
        )
        y = super().forward(query, value, key)
        return y.unflatten(-2, sizes).movedim(places, self.axes)


class GroupQueryAttention(nn.Module):
    """Keras's attention in which several heads of the query share one of the key and value."""

    keras_kinds = ("grouped_query_attention",)

    def __init__(
        self,
        features: int,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        *,
        value_features: int | None = None,
        key_features: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        gate: bool = False,
        scores: bool = False,
    ) -> None:
        super().__init__()
        value_features = value_features or features
        self.head_dim = head_dim
        self.shared_by = num_query_heads // num_key_value_heads
        self.dropout = dropout
        self.scores = scores
        width, shared_width = head_dim * num_query_heads, head_dim * num_key_value_heads
        self.query_dense = nn.Linear(features, width, bias=bias)
        self.key_dense = nn.Linear(key_features or value_features, shared_width, bias=bias)
        if gate:
            self.gate_dense = nn.Linear(features, width, bias=bias)
        self.value_dense = nn.Linear(value_features, shared_width, bias=bias)
        self.output_dense = nn.Linear(width, features, bias=bias)

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """query (N, T, C), value and key (N, S, ...) -> (N, T, C), with ``scores`` the weights."""
        projected = (
            self.query_dense(query),
            self.key_dense(value if key is None else key),
            self.value_dense(value),
        )
        q, k, v = (x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for x in projected)
        k, v = (x.repeat_interleave(self.shared_by, dim=1) for x in (k, v))
        how = (mask, causal, self.dropout, self.training)
        attended, scores = (
            attend_with_scores(q, k, v, *how) if self.scores else (attend(q, k, v, *how), None)
        )
        attended = attended.transpose(1, 2).flatten(2)
        if hasattr(self, "gate_dense"):
            attended = attended * torch.sigmoid(self.gate_dense(query))
        y = self.output_dense(attended)
        return y if scores is None else (y, scores)

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return projection_state(list(self._modules), self.query_dense.bias is not None, arrays)
