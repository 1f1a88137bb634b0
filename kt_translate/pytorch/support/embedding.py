"""An embedding that also leads back."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReversibleEmbedding(nn.Embedding):
    """Keras's ReversibleEmbedding: with ``reverse`` from vectors to a logit for each number."""

    keras_kinds = ("reversible_embedding",)

    def __init__(
        self, count: int, size: int, tie_weights: bool = True, logit_soft_cap: float | None = None
    ) -> None:
        super().__init__(count, size)
        self.logit_soft_cap = logit_soft_cap
        self.reverse_weight = None
        if not tie_weights:
            self.reverse_weight = nn.Parameter(torch.empty(count, size).uniform_(-0.05, 0.05))

    def forward(self, x: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            return super().forward(x)
        logits = F.linear(x, self.weight if self.reverse_weight is None else self.reverse_weight)
        cap = self.logit_soft_cap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        weight, *reverse = arrays
        return {"weight": weight, "reverse_weight": reverse[0].T} if reverse else {"weight": weight}
