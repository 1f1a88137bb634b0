"""Recurrent layers that keep their state from call to call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .rnn import MaskedGRU, MaskedLSTM, MaskedRNN
from .rnn_loops import KerasGRU, KerasLSTM, KerasSimpleRNN


class Stateful(nn.RNNBase):
    """Mixed into a recurrent layer: a call begins with the state in which the last one ended.

    That is ``stateful=True``. The states start at zero and are no weights; `reset_state` sets them
    to zero again.
    """

    h: Tensor
    c: Tensor

    def __init__(self, *args: Any, batch_size: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shape = (2 if self.bidirectional else 1, batch_size, self.hidden_size)
        self.register_buffer("h", torch.zeros(shape), persistent=False)
        if isinstance(self, nn.LSTM):
            self.register_buffer("c", torch.zeros(shape), persistent=False)

    def forward(self, x: Tensor, state: Any = None, **mask: Tensor) -> tuple[Tensor, Any]:
        if isinstance(self, nn.LSTM):
            output, (h, c) = super().forward(
                x, (self.h, self.c) if state is None else state, **mask
            )
            self.h, self.c = h.detach(), c.detach()
            return output, (h, c)
        output, h = super().forward(x, self.h if state is None else state, **mask)
        self.h = h.detach()
        return output, h

    def reset_state(self) -> None:
        for state in self.buffers(recurse=False):
            state.zero_()


class StatefulLSTM(Stateful, nn.LSTM):
    """An LSTM that keeps its state."""


class StatefulGRU(Stateful, nn.GRU):
    """A GRU that keeps its state."""


class StatefulRNN(Stateful, nn.RNN):
    """A simple recurrent layer that keeps its state."""


class StatefulMaskedLSTM(Stateful, MaskedLSTM):
    """An LSTM that takes a mask and keeps its state."""


class StatefulMaskedGRU(Stateful, MaskedGRU):
    """A GRU that takes a mask and keeps its state."""


class StatefulMaskedRNN(Stateful, MaskedRNN):
    """A simple recurrent layer that takes a mask and keeps its state."""


class StatefulKerasLSTM(Stateful, KerasLSTM):
    """Keras's LSTM with all its settings, which keeps its state."""


class StatefulKerasGRU(Stateful, KerasGRU):
    """Keras's GRU with all its settings, which keeps its state."""


class StatefulKerasSimpleRNN(Stateful, KerasSimpleRNN):
    """Keras's SimpleRNN with all its settings, which keeps its state."""
