"""Recurrent layers and cells step by step, for settings that PyTorch's own do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Step(nn.Module):
    """Mixed into a recurrent layer or cell of PyTorch: one step of it, with all that Keras's has.

    Any activations; dropout of the inputs and of the states by a mask that is the same at every
    step (with ``recurrent_dropout`` or ``implementation=1`` one for each gate).
    """

    gates: int

    def __init__(
        self,
        *args: Any,
        state_activation: Callable[[Tensor], Tensor] = torch.tanh,
        gate_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.state_activation = state_activation
        self.gate_activation = gate_activation
        self.input_dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.masks_per_gate = implementation == 1 or recurrent_dropout > 0

    def dropout_masks(self, like: Tensor, rate: float) -> list[Tensor] | None:
        if not self.training or not 0 < rate < 1:
            return None
        count = self.gates if self.masks_per_gate else 1
        return [F.dropout(torch.ones_like(like), rate) for _ in range(count)]

    def step(
        self,
        gates: Tensor,
        state: tuple[Tensor, ...],
        weight: Tensor,
        bias: Tensor | None,
        dropped: list[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        """The states after a step, the output first; ``gates``: what the input gives to each."""
        raise NotImplementedError


class Looped(Step, nn.RNNBase):
    """Mixed into a recurrent layer of PyTorch: computes it step by step.

    With a mask (N, L): where it is False the state stays, and the output is that of the step
    before, or zero with ``zero_masked``.
    """

    def __init__(self, *args: Any, zero_masked: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zero_masked = zero_masked

    def forward(
        self, x: Tensor, state: Any = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """x (N, L, C) -> outputs (N, L, D * H), last states (D, N, H), as PyTorch's layers."""
        is_lstm = isinstance(self, nn.LSTM)
        directions = 2 if self.bidirectional else 1
        if state is None:
            zeros = x.new_zeros(directions, x.shape[0], self.hidden_size)
            state = (zeros, zeros) if is_lstm else zeros
        states = list(zip(*state, strict=True)) if is_lstm else [(h,) for h in state]
        outputs, last = self._run(x, states[0], mask, "")
        ended = [last]
        if self.bidirectional:
            flipped = None if mask is None else mask.flip(1)
            backward, last = self._run(x.flip(1), states[1], flipped, "_reverse")
            outputs = torch.cat([outputs, backward.flip(1)], dim=-1)
            ended.append(last)
        stacked = tuple(torch.stack(parts) for parts in zip(*ended, strict=True))
        return outputs, stacked if is_lstm else stacked[0]

    def _run(
        self, x: Tensor, state: tuple[Tensor, ...], mask: Tensor | None, direction: str
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One direction: outputs (N, L, H) and the last states, each (N, H)."""
        weight = getattr(self, f"weight_hh_l0{direction}")
        bias = getattr(self, f"bias_hh_l0{direction}", None)
        dropped = self.dropout_masks(x[:, :1], self.input_dropout)
        inputs = gate_inputs(
            x,
            getattr(self, f"weight_ih_l0{direction}"),
            getattr(self, f"bias_ih_l0{direction}", None),
            dropped,
        )
        dropped = self.dropout_masks(state[0], self.recurrent_dropout)
        output = torch.zeros_like(state[0])
        outputs = []
        for t, gates in enumerate(inputs.unbind(1)):
            new = self.step(gates, state, weight, bias, dropped)
            if mask is None:
                state, output = new, new[0]
            else:
                real = mask[:, t].unsqueeze(-1)
                before = torch.zeros_like(output) if self.zero_masked else output
                output = torch.where(real, new[0], before)
                state = tuple(torch.where(real, a, b) for a, b in zip(new, state, strict=True))
            outputs.append(output)
        return torch.stack(outputs, dim=1), state


def gate_inputs(
    x: Tensor, weight: Tensor, bias: Tensor | None, masks: list[Tensor] | None
) -> Tensor:
    """What ``x`` gives to the gates; with dropout ``masks``, one for all gates or one for each."""
    if masks is None:
        return F.linear(x, weight, bias)
    parts = weight.chunk(len(masks))
    sums = torch.cat([F.linear(x * m, w) for m, w in zip(masks, parts, strict=True)], dim=-1)
    return sums if bias is None else sums + bias


class LSTMStep(Step):
    """A step of an LSTM."""

    gates = 4

    def step(
        self,
        gates: Tensor,
        state: tuple[Tensor, ...],
        weight: Tensor,
        bias: Tensor | None,
        dropped: list[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        h, c = state
        i, f, g, o = (gates + gate_inputs(h, weight, bias, dropped)).chunk(4, dim=-1)
        kept = self.gate_activation(f) * c
        c = kept + self.gate_activation(i) * self.state_activation(g)
        return self.gate_activation(o) * self.state_activation(c), c


class GRUStep(Step):
    """A step of a GRU; without ``reset_after`` the reset gate comes before the matrix product."""

    hidden_size: int

    gates = 3

    def __init__(self, *args: Any, reset_after: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after
        for name, parameter in self.named_parameters():
            if name.startswith("bias_hh") and not reset_after:  # Keras has a single bias then
                nn.init.zeros_(parameter).requires_grad_(False)

    def step(
        self,
        gates: Tensor,
        state: tuple[Tensor, ...],
        weight: Tensor,
        bias: Tensor | None,
        dropped: list[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        (h,) = state
        r, z, n = gates.chunk(3, dim=-1)
        recurrent_r, recurrent_z, recurrent_n = gate_inputs(h, weight, bias, dropped).chunk(3, -1)
        r = self.gate_activation(r + recurrent_r)
        z = self.gate_activation(z + recurrent_z)
        if self.reset_after:
            recurrent_n = r * recurrent_n
        else:
            last = h if dropped is None else h * dropped[-1]
            recurrent_n = F.linear(r * last, weight[2 * self.hidden_size :])
        n = self.state_activation(n + recurrent_n)
        return (z * h + (1 - z) * n,)


class SimpleRNNStep(Step):
    """A step of a simple recurrent layer."""

    gates = 1

    def step(
        self,
        gates: Tensor,
        state: tuple[Tensor, ...],
        weight: Tensor,
        bias: Tensor | None,
        dropped: list[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        return (self.state_activation(gates + gate_inputs(state[0], weight, bias, dropped)),)


class KerasLSTM(LSTMStep, Looped, nn.LSTM):
    """Keras's LSTM with all its settings."""


class KerasGRU(GRUStep, Looped, nn.GRU):
    """Keras's GRU with all its settings."""


class KerasSimpleRNN(SimpleRNNStep, Looped, nn.RNN):
    """Keras's SimpleRNN with all its settings."""
