"""Recurrent layers on top of PyTorch's own: states in Keras's form, masks."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

RNN_T = TypeVar("RNN_T", bound=nn.Module)


def no_forget_bias(rnn: RNN_T) -> RNN_T:
    """Let ``rnn`` start with a zero bias in its forget gate too: ``unit_forget_bias=False``."""
    rnn.unit_forget_bias = False  # type: ignore[assignment]
    return rnn


def with_states(result: tuple[Tensor, Any], last: bool = False) -> tuple[Tensor, ...]:
    """Output and states of a recurrent layer as Keras's ``return_state`` gives them.

    Each state is (N, H), those of the forward direction first. ``last``: only the last step of the
    output, which is the first in time for the backward direction.
    """
    output, states = result
    states = states if isinstance(states, tuple) else (states,)
    if last and len(states[0]) == 2:
        forward, backward = output.chunk(2, dim=-1)
        output = torch.cat([forward[:, -1], backward[:, 0]], dim=-1)
    elif last:
        output = output[:, -1]
    return (output, *(state for direction in zip(*states, strict=True) for state in direction))


class Masked(nn.RNNBase):
    """Mixed into a recurrent layer: skips the steps where ``mask`` is False, as Keras does.

    Wherever such a step stands, it leaves the state as it is and gives the output of the step
    before (zeros, if there is none before); with ``zero_masked`` it always gives zeros.
    """

    def __init__(self, *args: Any, zero_masked: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zero_masked = zero_masked

    def forward(
        self, x: Tensor, state: Any = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """x (N, L, C), mask (N, L) -> outputs (N, L, D * H), last states as without a mask."""
        if mask is None:
            return super().forward(x, state)  # type: ignore[no-any-return]
        length = mask.sum(dim=1)
        order = mask.int().argsort(dim=1, descending=True, stable=True)  # the real steps first
        x = x.gather(1, order.unsqueeze(-1).expand_as(x))
        packed = pack_padded_sequence(
            x, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        packed, last = super().forward(packed, state)
        output, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
        return self._spread(output, mask), self._kept(last, state, length > 0)

    def _spread(self, output: Tensor, mask: Tensor) -> Tensor:
        """The outputs of the real steps, first in ``output``, at their places in time."""
        count = mask.cumsum(dim=1)
        spread = []
        for half, index in zip(
            output.chunk(2 if self.bidirectional else 1, dim=-1),
            (count - 1, count - mask.int()),  # the last real step so far; the next one
            strict=False,
        ):
            real = (index >= 0) & (index < count[:, -1:])
            if self.zero_masked:
                real = real & mask
            index = index.clamp(0, mask.shape[1] - 1).unsqueeze(-1).expand_as(half)
            spread.append(half.gather(1, index).masked_fill(~real.unsqueeze(-1), 0))
        return torch.cat(spread, dim=-1)

    @staticmethod
    def _kept(last: Any, initial: Any, any_real: Tensor) -> Any:
        """The last states; the initial ones (or zeros) for sequences without a single real step."""
        if isinstance(last, tuple):
            initial = (None, None) if initial is None else initial
            return tuple(Masked._kept(a, b, any_real) for a, b in zip(last, initial, strict=True))
        initial = torch.zeros_like(last) if initial is None else initial
        return torch.where(any_real.unsqueeze(-1), last, initial)


class MaskedLSTM(Masked, nn.LSTM):
    """An LSTM that takes a mask."""


class MaskedGRU(Masked, nn.GRU):
    """A GRU that takes a mask."""


class MaskedRNN(Masked, nn.RNN):
    """A simple recurrent layer that takes a mask."""
