"""How the arrays of a Keras layer become the state of the PyTorch module that stands for it.

`KERAS_LAYERS` has an entry for each PyTorch class; a subclass is found through its bases. A class
of our own that no entry fits carries its conversion itself: a class attribute `keras_kinds`, the
kinds of Keras layers that it may stand for, and a method `from_keras(arrays)` giving its state,
where `arrays` are the layer's and its parts' in the order in which Keras creates them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import nn


class Conversion(NamedTuple):
    """The kinds of Keras layers a module may stand for, and its state made from their arrays."""

    kinds: tuple[str, ...]
    state: Callable[[Any, list[np.ndarray]], dict[str, np.ndarray]]


def in_order(
    module: nn.Module, arrays: list[np.ndarray], names: Sequence[str]
) -> dict[str, np.ndarray]:
    """The arrays under the names of those parameters and buffers that the module has, in order."""
    present = [name for name in names if getattr(module, name, None) is not None]
    return dict(zip(present, arrays, strict=True))


def channels_first_rows(module: nn.Module, array: np.ndarray) -> np.ndarray:
    """Reorder the rows that stand for a flattened picture: Keras counts its channels last."""
    flattened = getattr(module, "keras_flatten", None)
    if flattened is None:
        return array
    channels, *spatial = flattened
    picture = array.reshape(*spatial, channels, *array.shape[1:])
    return np.moveaxis(picture, len(spatial), 0).reshape(array.shape)


def linear_state(module: nn.Linear, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Dense: the kernel is (in, out)."""
    kernel, *bias = arrays
    return in_order(module, [channels_first_rows(module, kernel).T, *bias], ("weight", "bias"))


def conv_state(module: nn.Module, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Convolutions, transposed ones too: a kernel of (*sizes, a, b) becomes (b, a, *sizes)."""
    kernel, *bias = arrays
    weight = np.moveaxis(kernel, (-1, -2), (0, 1))
    return in_order(module, [weight, *bias], ("weight", "bias"))


def grouped_conv_state(module: Any, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Convolutions, depthwise ones too: their kernel is (*sizes, in, multiplier)."""
    kernel, *bias = arrays
    if module.groups == module.in_channels > 1:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return conv_state(module, [kernel, *bias])


def embedding_state(module: nn.Embedding, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    return in_order(module, arrays, ("weight",))


def norm_state(module: nn.Module, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Normalizations: scale and shift, as far as there are any, then the moving statistics."""
    rows = [channels_first_rows(module, array) for array in arrays]
    return in_order(module, rows, ("weight", "bias", "running_mean", "running_var"))


def prelu_state(module: nn.PReLU, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """PReLU: slopes of shape (1, ..., channels), shared by all positions."""
    return {"weight": arrays[0].reshape(-1)}


def directions(
    module: nn.RNNBase | nn.RNNCellBase, arrays: list[np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """The arrays of each layer and direction by PyTorch's suffix, Keras's forward layer first."""
    suffixes = [""]
    if isinstance(module, nn.RNNBase):
        suffixes = [
            f"_l{layer}{direction}"
            for layer in range(module.num_layers)
            for direction in (("", "_reverse") if module.bidirectional else ("",))
        ]
    count = 3 if module.bias else 2
    if len(arrays) != count * len(suffixes):
        raise ValueError(f"{count * len(suffixes)} arrays are wanted, not {len(arrays)}")
    return {suffix: arrays[i * count :][:count] for i, suffix in enumerate(suffixes)}


def rnn_state(
    module: nn.RNNBase | nn.RNNCellBase, arrays: list[np.ndarray]
) -> dict[str, np.ndarray]:
    """LSTM and SimpleRNN: the gates are in PyTorch's order; Keras has one bias, PyTorch two."""
    state: dict[str, np.ndarray] = {}
    for suffix, (kernel, recurrent, *bias) in directions(module, arrays).items():
        state["weight_ih" + suffix] = kernel.T
        state["weight_hh" + suffix] = recurrent.T
        for array in bias:
            state["bias_ih" + suffix] = array
            state["bias_hh" + suffix] = np.zeros_like(array)
    return state


def gru_state(module: nn.GRU | nn.GRUCell, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """GRU: Keras's gates are z, r, h, PyTorch's r, z, n; the bias has a row for either product."""

    def reset_first(array: np.ndarray) -> np.ndarray:
        update, reset, new = np.split(array, 3)
        return np.concatenate([reset, update, new])

    state: dict[str, np.ndarray] = {}
    for suffix, (kernel, recurrent, *bias) in directions(module, arrays).items():
        state["weight_ih" + suffix] = reset_first(kernel.T)
        state["weight_hh" + suffix] = reset_first(recurrent.T)
        for array in bias:
            both: Any = array if getattr(module, "reset_after", True) else (array, 0 * array)
            state["bias_ih" + suffix] = reset_first(both[0])
            state["bias_hh" + suffix] = reset_first(both[1])
    return state


def attention_state(module: Any, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Multi-head attention made of four nn.Linear: Keras's kernels have an axis for the heads."""
    state: dict[str, np.ndarray] = {}
    count = 1 if module.query_dense.bias is None else 2
    for i, name in enumerate(("query_dense", "key_dense", "value_dense", "output_dense")):
        kernel, *bias = arrays[i * count :][:count]
        rows = kernel.shape[0] if name != "output_dense" else np.prod(kernel.shape[:2])
        state[f"{name}.weight"] = kernel.reshape(rows, -1).T
        for array in bias:
            state[f"{name}.bias"] = array.reshape(-1)
    return state


KERAS_LAYERS: dict[type[nn.Module], Conversion] = {
    nn.Linear: Conversion(("dense",), linear_state),
    nn.Conv1d: Conversion(("depthwise_conv1d", "conv1d"), grouped_conv_state),
    nn.Conv2d: Conversion(("depthwise_conv2d", "conv2d"), grouped_conv_state),
    nn.Conv3d: Conversion(("conv3d",), conv_state),
    nn.ConvTranspose1d: Conversion(("conv1d_transpose",), conv_state),
    nn.ConvTranspose2d: Conversion(("conv2d_transpose",), conv_state),
    nn.ConvTranspose3d: Conversion(("conv3d_transpose",), conv_state),
    nn.Embedding: Conversion(("embedding",), embedding_state),
    nn.BatchNorm1d: Conversion(("batch_normalization", "sync_batch_normalization"), norm_state),
    nn.BatchNorm2d: Conversion(("batch_normalization", "sync_batch_normalization"), norm_state),
    nn.BatchNorm3d: Conversion(("batch_normalization", "sync_batch_normalization"), norm_state),
    nn.LayerNorm: Conversion(("layer_normalization",), norm_state),
    nn.GroupNorm: Conversion(("group_normalization",), norm_state),
    nn.RMSNorm: Conversion(("rms_normalization",), norm_state),
    nn.PReLU: Conversion(("p_re_lu",), prelu_state),
    nn.LSTM: Conversion(("lstm", "bidirectional", "rnn", "lstm_cell"), rnn_state),
    nn.GRU: Conversion(("gru", "bidirectional", "rnn", "gru_cell"), gru_state),
    nn.RNN: Conversion(("simple_rnn", "bidirectional", "rnn", "simple_rnn_cell"), rnn_state),
    nn.LSTMCell: Conversion(("lstm_cell", "rnn"), rnn_state),
    nn.GRUCell: Conversion(("gru_cell", "rnn"), gru_state),
    nn.RNNCell: Conversion(("simple_rnn_cell", "rnn"), rnn_state),
}
