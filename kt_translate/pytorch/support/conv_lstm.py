"""Convolutional LSTMs, which PyTorch does not have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .conv import pad_same


class ConvLSTM(nn.Module):
    """An LSTM over (N, C, L, ...) whose products are convolutions; Keras's, with all its settings.

    The convolution of the state keeps its size; both dropout masks are the same at every step,
    one for each gate. Where a mask (N, L) is False the state stays, and the output is that of
    the step before, or zero with ``zero_masked``.
    """

    conv: ClassVar[Any]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str = "valid",
        dilation: int | Sequence[int] = 1,
        bias: bool = True,
        *,
        state_activation: Callable[[Tensor], Tensor] = torch.tanh,
        gate_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        unit_forget_bias: bool = True,
        zero_masked: bool = False,
    ) -> None:
        super().__init__()
        gates = 4 * out_channels
        settings = {"stride": stride, "dilation": dilation, "bias": bias}
        self.input_conv = self.conv(in_channels, gates, kernel_size, **settings)
        self.recurrent_conv = self.conv(out_channels, gates, kernel_size, bias=False)
        self.padding = padding
        self.state_activation = state_activation
        self.gate_activation = gate_activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.unit_forget_bias = unit_forget_bias
        self.zero_masked = zero_masked
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as in Keras, which has the initializers of a recurrent layer."""
        self.keras_initialized = True
        self.input_conv.keras_initialized = self.recurrent_conv.keras_initialized = True
        nn.init.xavier_uniform_(self.input_conv.weight)
        nn.init.orthogonal_(self.recurrent_conv.weight)
        if self.input_conv.bias is not None:
            nn.init.zeros_(self.input_conv.bias)
            if self.unit_forget_bias:
                nn.init.ones_(self.input_conv.bias.chunk(4)[1])

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (N, C, L, ...) -> outputs (N, H, L, ...) and the last states, each (N, H, ...)."""
        x = x.transpose(1, 2)
        dropped = self.dropout_masks(x[:, :1], self.dropout)
        if dropped is not None:
            dropped = [m.expand_as(x).flatten(0, 1) for m in dropped]
        padding = self.padding
        gates = gate_convolution(x.flatten(0, 1), self.input_conv, padding, dropped)
        gates = gates.unflatten(0, x.shape[:2])
        if state is None:
            zeros = torch.zeros_like(gates[:, 0].chunk(4, dim=1)[0])
            state = (zeros, zeros)
        h, c = state
        dropped = self.dropout_masks(h, self.recurrent_dropout)
        output = torch.zeros_like(h)
        outputs = []
        for t, step in enumerate(gates.unbind(1)):
            step = step + gate_convolution(h, self.recurrent_conv, "same", dropped)
            new_h, new_c = self.step(step, c)
            if mask is None:
                output, h, c = new_h, new_h, new_c
            else:
                real = mask[:, t].view(-1, *[1] * (h.dim() - 1))
                before = torch.zeros_like(output) if self.zero_masked else output
                output = torch.where(real, new_h, before)
                h, c = torch.where(real, new_h, h), torch.where(real, new_c, c)
            outputs.append(output)
        return torch.stack(outputs, dim=2), (h, c)

    def step(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = gates.chunk(4, dim=1)
        c = self.gate_activation(f) * c + self.gate_activation(i) * self.state_activation(g)
        return self.gate_activation(o) * self.state_activation(c), c

    def dropout_masks(self, like: Tensor, rate: float) -> list[Tensor] | None:
        """A mask for each gate."""
        if not self.training or not 0 < rate < 1:
            return None
        return [F.dropout(torch.ones_like(like), rate) for _ in range(4)]

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        kernel, recurrent, *bias = arrays
        state = {
            "input_conv.weight": np.moveaxis(kernel, (-1, -2), (0, 1)),
            "recurrent_conv.weight": np.moveaxis(recurrent, (-1, -2), (0, 1)),
        }
        return {**state, "input_conv.bias": bias[0]} if bias else state


def gate_convolution(x: Tensor, conv: Any, padding: str, masks: list[Tensor] | None) -> Tensor:
    """What ``x`` (N, C, ...) gives to the gates; with dropout ``masks`` each sees its own x."""

    def padded(x: Tensor) -> Tensor:
        return pad_same(x, conv.kernel_size, conv.stride, conv.dilation) if padding == "same" else x

    if masks is None:
        return conv(padded(x))
    convolve = (F.conv1d, F.conv2d, F.conv3d)[x.dim() - 3]
    biases = (None,) * 4 if conv.bias is None else conv.bias.chunk(4)
    parts = zip(masks, conv.weight.chunk(4), biases, strict=True)
    settings = {"stride": conv.stride, "dilation": conv.dilation}
    return torch.cat([convolve(padded(x * m), w, b, **settings) for m, w, b in parts], dim=1)


class ConvLSTM1d(ConvLSTM):
    """Keras's convolutional LSTM of sequences (N, C, L, W)."""

    keras_kinds = ("conv_lstm1d",)
    conv = nn.Conv1d


class ConvLSTM2d(ConvLSTM):
    """Keras's convolutional LSTM of sequences of pictures (N, C, L, H, W)."""

    keras_kinds = ("conv_lstm2d",)
    conv = nn.Conv2d


class ConvLSTM3d(ConvLSTM):
    """Keras's convolutional LSTM of sequences of volumes (N, C, L, D, H, W)."""

    keras_kinds = ("conv_lstm3d",)
    conv = nn.Conv3d
