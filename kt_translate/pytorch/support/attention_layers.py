"""Keras's attention without projections: Luong's and Bahdanau's."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Keras's ``Attention``: products of query and key as they are, or with a learned scale.

    ``concat``: the score is the sum of tanh(query + key), times a learned weight.
    """

    keras_kinds: tuple[str, ...] = ("attention",)

    def __init__(self, scale: bool = False, concat: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.scale = nn.Parameter(torch.ones(())) if scale else None
        self.concat_score_weight = nn.Parameter(torch.ones(())) if concat else None

    def score(self, query: Tensor, key: Tensor) -> Tensor:
        """(N, T, C) and (N, S, C) -> (N, T, S)."""
        scale = 1.0 if self.scale is None else self.scale
        if self.concat_score_weight is None:
            return query @ key.mT * scale
        both = torch.tanh(scale * (query.unsqueeze(-2) + key.unsqueeze(-3)))
        return self.concat_score_weight * both.sum(dim=-1)

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        causal: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """query (N, T, C), value and key (N, S, C) -> (N, T, C), and the weights (N, T, S)."""
        scores = self.score(query, value if key is None else key)
        mask = None if value_mask is None else value_mask.unsqueeze(-2)
        if causal:
            past = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            mask = past if mask is None else mask & past
        if mask is not None:
            scores = torch.where(
                mask, scores, scores - (65504.0 if scores.dtype == torch.float16 else 1e9)
            )
        weights = F.dropout(scores.softmax(dim=-1), self.dropout, self.training)
        attended = weights @ value
        if query_mask is not None:
            attended = torch.where(query_mask.unsqueeze(-1), attended, 0.0)
        return attended, weights

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        names = [n for n in ("scale", "concat_score_weight") if getattr(self, n, None) is not None]
        return dict(zip(names, arrays, strict=True))


class AdditiveAttention(Attention):
    """Keras's ``AdditiveAttention``: the score is the sum of scale * tanh(query + key)."""

    keras_kinds = ("additive_attention",)

    def __init__(self, features: int, scale: bool = True, dropout: float = 0.0) -> None:
        super().__init__(dropout=dropout)
        if scale:
            self.scale = nn.Parameter(torch.empty(features))
            nn.init.uniform_(self.scale, -((3 / features) ** 0.5), (3 / features) ** 0.5)

    def score(self, query: Tensor, key: Tensor) -> Tensor:
        both = torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3))
        return (both if self.scale is None else both * self.scale).sum(dim=-1)
