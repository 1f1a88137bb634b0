"""Recurrent layers made of recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .weights import conversion_of


class TwoDirections(nn.Module):
    """Two recurrent layers, the second backwards in time; results as of a bidirectional nn.LSTM.

    For what one bidirectional layer of PyTorch cannot do: directions that differ in their settings,
    and dropout of the inputs, whose mask Keras draws for each direction, once for all its steps.
    """

    keras_kinds = ("bidirectional",)

    def __init__(
        self, forward_layer: nn.Module, backward_layer: nn.Module, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer
        self.dropout = dropout

    def forward(
        self, x: Tensor, state: Any = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        first, second = self._split(state)
        there: dict[str, Tensor] = {} if mask is None else {"mask": mask}
        back = {} if mask is None else {"mask": mask.flip(1)}
        forward, first = self.forward_layer(self._dropped(x), first, **there)
        backward, second = self.backward_layer(self._dropped(x).flip(1), second, **back)
        output = torch.cat([forward, backward.flip(1)], dim=-1)
        if isinstance(first, tuple):
            return output, tuple(torch.cat(pair) for pair in zip(first, second, strict=True))
        return output, torch.cat([first, second])

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout1d(x.mT, self.dropout, self.training).mT

    @staticmethod
    def _split(state: Any) -> tuple[Any, Any]:
        """The initial states of the two directions, from (2, N, H) each."""
        if state is None:
            return None, None
        if isinstance(state, tuple):
            return tuple(s[:1] for s in state), tuple(s[1:] for s in state)
        return state[:1], state[1:]

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return inner_states(self, ("forward_layer", "backward_layer"), arrays)


class StackedRNN(nn.Module):
    """Recurrent layers on top of each other, as Keras's ``RNN([cell, cell])``."""

    keras_kinds = ("rnn",)

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, state: Any = None, **mask: Tensor) -> tuple[Tensor, Any]:
        """``state`` has one entry for each layer; so have the states that come out."""
        ended = []
        for layer, initial in zip(self.layers, state or [None] * len(self.layers), strict=True):
            x, last = layer(x, initial, **mask)
            ended.append(last)
        return x, ended

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return inner_states(self, [f"layers.{i}" for i in range(len(self.layers))], arrays)


def inner_states(
    module: nn.Module, paths: Sequence[str], arrays: list[np.ndarray]
) -> dict[str, np.ndarray]:
    """The state of the layers inside; files have the arrays of stacked cells in any order."""
    state = {}
    for path in paths:
        inner = module.get_submodule(path)
        names = ("weight_ih_l0", "weight_hh_l0")
        wanted = [tuple(inner.get_parameter(name).T.shape) for name in names]
        starts = [i for i in range(len(arrays)) if [a.shape for a in arrays[i : i + 2]] == wanted]
        start = starts[0]  # an IndexError means that the weights do not fit
        stop = start + (3 if inner.bias else 2)
        own, arrays = arrays[start:stop], arrays[:start] + arrays[stop:]
        conversion = conversion_of(inner)
        assert conversion is not None
        state.update({f"{path}.{key}": a for key, a in conversion.state(inner, own).items()})
    if arrays:
        raise ValueError(f"{len(arrays)} arrays are left over")
    return state


def merge_directions(x: Tensor, mode: str) -> Tensor:
    """Make one of two directions that stand side by side on the last axis, as Keras's merge_mode says."""
    if mode == "concat":
        return x
    there, back = x.chunk(2, dim=-1)
    return {"sum": there + back, "ave": (there + back) / 2, "mul": there * back}[mode]


def over_time(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Apply ``function`` to every step of (N, L, ...): time is folded into the batch."""
    output = function(*(x.flatten(0, 1) for x in inputs))
    return output.unflatten(0, inputs[0].shape[:2])


def step_by_step(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply ``function``, which keeps statistics, to the steps of (N, L, ...) in turn."""
    return torch.stack([function(step) for step in x.unbind(1)], dim=1)
