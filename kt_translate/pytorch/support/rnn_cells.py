"""Single steps of recurrent layers, and what runs a cell over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .rnn_loops import GRUStep, LSTMStep, SimpleRNNStep, Step, gate_inputs


class SingleStep(Step, nn.RNNCellBase):
    """Mixed into a cell of PyTorch: computes it with all that Keras's has."""

    def forward(self, x: Tensor, state: Any) -> Any:
        """x (N, C), the state or states (N, H) -> the same after this step."""
        states = state if isinstance(state, tuple) else (state,)
        dropped = self.dropout_masks(x, self.input_dropout)
        gates = gate_inputs(x, self.weight_ih, self.bias_ih, dropped)
        dropped = self.dropout_masks(states[0], self.recurrent_dropout)
        states = self.step(gates, states, self.weight_hh, self.bias_hh, dropped)
        return states if len(states) > 1 else states[0]


class KerasLSTMCell(LSTMStep, SingleStep, nn.LSTMCell):
    """Keras's LSTMCell with all its settings."""


class KerasGRUCell(GRUStep, SingleStep, nn.GRUCell):
    """Keras's GRUCell with all its settings."""


class KerasSimpleRNNCell(SimpleRNNStep, SingleStep, nn.RNNCell):
    """Keras's SimpleRNNCell with all its settings."""


def over_steps(
    cell: Callable[..., tuple[Tensor, ...]],
    x: Tensor | tuple[Tensor, ...],
    states: tuple[Tensor, ...],
    constants: tuple[Tensor, ...] = (),
    mask: Tensor | None = None,
    zero_masked: bool = False,
) -> tuple[Tensor, ...]:
    """Run a cell over the steps of ``x`` (N, L, ...): its outputs at all steps, and its last states.

    ``cell(step, *states, *constants)`` gives the outputs of a step and the new states. Where
    ``mask`` (N, L) is False, the states stay and the output is that of the step before, or zero
    with ``zero_masked``.
    """
    inputs = x if isinstance(x, tuple) else (x,)
    steps: list[tuple[Tensor, ...]] = []
    for t in range(inputs[0].shape[1]):
        results = cell(*(each[:, t] for each in inputs), *states, *constants)
        count = len(results) - len(states)
        outputs, new = results[:count], results[count:]
        if mask is None:
            states = new
        else:
            same = [torch.zeros_like(y) for y in outputs]
            if steps and not zero_masked:
                same = list(steps[-1])
            outputs = where_real(mask[:, t], outputs, same)
            states = where_real(mask[:, t], new, states)
        steps.append(outputs)
    return (*(torch.stack(each, dim=1) for each in zip(*steps, strict=True)), *states)


def where_real(real: Tensor, new: Sequence[Tensor], old: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What is new for the samples that have a real step, what was before for the others."""
    return tuple(
        torch.where(real.reshape(-1, *(1,) * (a.ndim - 1)), a, b)
        for a, b in zip(new, old, strict=True)
    )
