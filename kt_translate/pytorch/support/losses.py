"""Losses of Keras that PyTorch lacks; each gives the losses of the samples, not yet averaged."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def signed_labels(target: Tensor) -> Tensor:
    """Labels of hinge losses: Keras reads 0 and 1 as -1 and 1, if all labels are 0 or 1."""
    binary = ((target == 0) | (target == 1)).all()
    return torch.where(binary, 2 * target - 1, target)


def softmax_cross_entropy(logits: Tensor, target: Tensor, dim: int) -> Tensor:
    """Cross-entropy of targets that need not sum to 1.

    TensorFlow's gradient is ``softmax(logits) - target`` all the same, which is not the
    derivative of the loss then; PyTorch's is.
    """
    normalizer = logits.logsumexp(dim)
    losses = normalizer - (target * logits).sum(dim)
    return losses + ((target.sum(dim) - 1) * normalizer).detach()


def binary_focal_crossentropy(
    losses: Tensor, output: Tensor, target: Tensor, gamma: float, alpha: float | None = None
) -> Tensor:
    """Keras's BinaryFocalCrossentropy: cross-entropies weighed down where ``output`` is right.

    ``alpha`` balances the classes.
    """
    right = target * output + (1 - target) * (1 - output)
    losses = (1 - right) ** gamma * losses
    if alpha is not None:
        losses = losses * (target * alpha + (1 - target) * (1 - alpha))
    return losses


def categorical_focal_crossentropy(
    output: Tensor, target: Tensor, alpha: float, gamma: float, dim: int
) -> Tensor:
    """Keras's CategoricalFocalCrossentropy of probabilities, made to sum to 1 and clipped."""
    output = (output / output.sum(dim, keepdim=True)).clamp(1e-7, 1 - 1e-7)
    return (alpha * (1 - output) ** gamma * -target * output.log()).sum(dim)


def ctc_losses(logits: Tensor, target: Tensor) -> Tensor:
    """Keras's CTC: class 0 is the blank, and ends the labels (N, L) of a sample."""
    lengths = (target != 0).sum(1)
    steps = torch.full_like(lengths, logits.shape[1])
    log_probabilities = logits.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_probabilities, target.long(), steps, lengths, reduction="none")
