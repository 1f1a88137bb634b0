"""The gradients of embeddings as Keras's adaptive optimizers take them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .optimizers import KerasOptimizer


class LookupSquares:
    """Squared gradients of an embedding's rows, summed over the lookups of each row.

    A row that a batch looks up several times has the sum of the lookups' gradients, which PyTorch
    squares. Keras 3 squares the gradient of each lookup and sums these squares.
    """

    def __init__(self, embedding: Any) -> None:
        self.weight = embedding.weight
        self.pending: Tensor | None = None
        self.total: Tensor | None = None
        self.fresh = True
        embedding.register_forward_hook(self.watch)
        self.weight.register_post_accumulate_grad_hook(self.settle)

    def watch(self, embedding: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if output.requires_grad:
            output.register_hook(lambda grad: self.collect(args[0], grad))

    def collect(self, rows: Tensor, grad: Tensor) -> None:
        if self.pending is None:
            self.pending = torch.zeros_like(self.weight)
            self.fresh = self.weight.grad is None
        squares = grad.detach().square().reshape(-1, grad.shape[-1])
        self.pending.index_add_(0, rows.reshape(-1).long(), squares)

    def settle(self, weight: Tensor) -> None:
        """Backward has reached the weight: its gradient now holds what the lookups gave."""
        if self.fresh or self.total is None:
            self.total = self.pending
        elif self.pending is not None:
            self.total = self.total + self.pending
        self.pending = None


def square_each_lookup(optimizer: KerasOptimizer, model: nn.Module) -> KerasOptimizer:
    """Let ``optimizer`` square the gradients of embeddings lookup by lookup, as Keras 3 does."""
    lookups = {
        embedding.weight: LookupSquares(embedding)
        for embedding in model.modules()
        if isinstance(embedding, nn.Embedding)
    }
    square = optimizer.squared

    def squared(p: Tensor) -> Tensor:
        total = lookups[p].total if p in lookups else None
        return square(p) if total is None else total

    optimizer.squared = squared  # type: ignore[method-assign]
    return optimizer


def clip_each_lookup(optimizer: KerasOptimizer, norm: float) -> KerasOptimizer:
    """Let ``optimizer`` first clip the norm of each parameter's gradient, Keras's ``clipnorm``.

    In Keras 3 the norm of an embedding's gradient is that of its lookups' gradients.
    """

    def clip(*_: Any) -> None:
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    scale_gradient(optimizer, p, norm / optimizer.squared(p).sum().sqrt())

    optimizer.register_step_pre_hook(clip)
    return optimizer


def clip_all_lookups(optimizer: KerasOptimizer, norm: float) -> KerasOptimizer:
    """Let ``optimizer`` first clip the norm of all gradients, Keras's ``global_clipnorm``.

    In Keras 3 the norm of an embedding's gradient is that of its lookups' gradients.
    """

    def clip(*_: Any) -> None:
        params = [p for group in optimizer.param_groups for p in group["params"]]
        params = [p for p in params if p.grad is not None]
        total = torch.stack([optimizer.squared(p).sum() for p in params]).sum().sqrt()
        for p in params:
            scale_gradient(optimizer, p, norm / total)

    optimizer.register_step_pre_hook(clip)
    return optimizer


def scale_gradient(optimizer: KerasOptimizer, p: Tensor, factor: Tensor) -> None:
    """Make a gradient smaller, and the squares that are kept of its lookups."""
    factor = factor.clamp(max=1)
    optimizer.squared(p).mul_(factor.square())
    if p.grad is not None:
        p.grad.mul_(factor)
