"""What a Keras layer is given beside its arithmetic: name, initial weights, penalties, limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def like_keras(
    module: AnyModule,
    *,
    name: str | None = None,
    flattened: Sequence[int] | None = None,
    init: Mapping[str, Callable[[Tensor], Any]] | None = None,
    regularize: Mapping[str, Callable[[Tensor], Tensor] | None] | None = None,
    constrain: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
    trainable: bool = True,
) -> AnyModule:
    """Give a module what its Keras layer was given.

    Args:
        name: the layer's name, by which its weights are found.
        flattened: the channels and sizes of the picture that the module takes flattened. Keras
            flattens it with the channels last.
        init: how parameters start, where it is not Keras's default.
        regularize: the penalties of parameters.
        constrain: what parameters are set to after every step.
        trainable: whether the parameters are trained.
    """
    marks: Any = module
    if name is not None:
        marks.keras_name = name
    if flattened is not None:
        marks.keras_flatten = tuple(flattened)
    if init:
        init_like_keras(marks)
        with torch.no_grad():
            for key, function in init.items():
                for parameter in parameters_named(marks, key):
                    function(parameter)
            for part in marks.modules():
                open_forget_gate(part)
    if regularize:
        marks.keras_regularizers = {**getattr(marks, "keras_regularizers", {}), **regularize}
    if constrain:
        marks.keras_constraints = {**getattr(marks, "keras_constraints", {}), **constrain}
    if not trainable:
        for part in marks.modules():
            part.keras_frozen = True
        marks.requires_grad_(False)
    return module


def keras_weight(
    init: Callable[[Tensor], Any], *shape: int, trainable: bool = True
) -> nn.Parameter:
    """A weight as ``add_weight`` makes it, in Keras's layout: inputs before outputs."""
    weight = nn.Parameter(torch.empty(shape), requires_grad=trainable)
    with torch.no_grad():
        init(weight.movedim((-1, -2), (0, 1)) if weight.ndim > 1 else weight)
    return weight


def parameters_named(module: nn.Module, name: str) -> Iterator[Tensor]:
    """The module's parameter or buffer of this name; in a recurrent one, of each direction."""
    found = False
    for key, parameter in (*module.named_parameters(), *module.named_buffers()):
        if re.fullmatch(re.escape(name) + r"(_l\d+(_reverse)?)?", key):
            found = True
            yield parameter
    if not found and not name.startswith("bias"):  # which the arguments may leave out
        raise AttributeError(f"{type(module).__name__} has no parameter {name}")


def regularization_loss(module: nn.Module) -> Tensor:
    """What Keras adds to the loss: the penalties of parameters, and of outputs in the last call."""
    penalties = [
        penalty(parameter)
        for part in module.modules()
        for key, penalty in getattr(part, "keras_regularizers", {}).items()
        if penalty is not None
        for parameter in parameters_named(part, key)
    ]
    activities = [getattr(part, "activity_loss", None) for part in module.modules()]
    penalties += [loss for loss in activities if isinstance(loss, Tensor)]
    if penalties:
        return torch.stack(penalties).sum()
    first = next(module.parameters(), None)
    return torch.zeros(()) if first is None else first.new_zeros(())


@torch.no_grad()
def apply_constraints(module: nn.Module) -> None:
    """Set the parameters that have a constraint to what it allows, as Keras does after a step."""
    for part in module.modules():
        for key, constraint in getattr(part, "keras_constraints", {}).items():
            for parameter in parameters_named(part, key):
                parameter.copy_(constraint(parameter))


@torch.no_grad()
def init_like_keras(module: nn.Module) -> None:
    """Start from Keras's defaults, Glorot-uniform kernels and zero biases, not PyTorch's."""
    for part in module.modules():
        if getattr(part, "keras_initialized", False) or next(part.children(), None) is not None:
            continue
        marks: Any = part
        marks.keras_initialized = True
        if init := next((KERAS_STARTS[c] for c in type(part).__mro__ if c in KERAS_STARTS), None):
            init(part)


def init_kernel(part: Any) -> None:
    """Glorot uniform, and no bias."""
    nn.init.xavier_uniform_(part.weight)
    if part.bias is not None:
        nn.init.zeros_(part.bias)


def init_grouped_kernel(part: Any) -> None:
    """Glorot uniform; a depthwise kernel counts, in Keras, the inputs of all its channels."""
    weight = part.weight
    if part.groups == part.in_channels:
        weight = weight.unflatten(0, (part.groups, -1)).squeeze(2)
    nn.init.xavier_uniform_(weight)
    if part.bias is not None:
        nn.init.zeros_(part.bias)


def init_embedding(part: nn.Embedding) -> None:
    nn.init.uniform_(part.weight, -0.05, 0.05)


def init_recurrent(part: nn.Module) -> None:
    """Glorot and orthogonal kernels, zero biases but for a forget gate's, which is one.

    Except in a GRU, Keras has one bias where PyTorch has two: the second stays zero, untrained.
    """
    for name, parameter in part.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            parameter.zero_()
            if not isinstance(part, (nn.GRU, nn.GRUCell)) and name.startswith("bias_hh"):
                parameter.requires_grad_(False)
    open_forget_gate(part)


def open_forget_gate(part: nn.Module) -> None:
    """Set the bias of an LSTM's forget gate to one, whatever initializer the others have."""
    if not getattr(part, "unit_forget_bias", isinstance(part, (nn.LSTM, nn.LSTMCell))):
        return
    for name, parameter in part.named_parameters():
        if "bias" in name and not name.startswith("bias_hh"):
            parameter.chunk(4)[1].fill_(1.0)


KERAS_STARTS: dict[type[nn.Module], Callable[[Any], None]] = {
    nn.Linear: init_kernel,
    nn.Conv1d: init_grouped_kernel,
    nn.Conv2d: init_grouped_kernel,
    nn.Conv3d: init_kernel,
    nn.ConvTranspose1d: init_kernel,
    nn.ConvTranspose2d: init_kernel,
    nn.ConvTranspose3d: init_kernel,
    nn.Embedding: init_embedding,
    nn.LSTM: init_recurrent,
    nn.GRU: init_recurrent,
    nn.RNN: init_recurrent,
    nn.LSTMCell: init_recurrent,
    nn.GRUCell: init_recurrent,
    nn.RNNCell: init_recurrent,
}
