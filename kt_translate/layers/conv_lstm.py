"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: time comes first among the axes behind the channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.layers.convolutional import RENAMED, check_conv, check_steps, conv_shape
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    Layout,
    RuleError,
    Shape,
    Tensor,
    as_expr,
    is_plain,
    squeeze_ntuple,
    torch,
    unless,
)
from kt_translate.layers.rnn import initial_states, mask_of
from kt_translate.layers.rnn_settings import activation_function, if_set
from kt_translate.layers.spatial import Spatial, compact, known_channels, name_of


class ConvLSTM(Spatial, abstract=True):
    """A convolutional LSTM; in torch (N, C, L, ...)."""

    call_arguments = ()

    heeds = True
    renamed = {**RENAMED, "inner_activation": "recurrent_activation"}
    inert = ("seed",)
    activates_inside = True
    only = {"stateful": (False,)}
    flavours = {"2": {"recurrent_activation": "hard_sigmoid"}}

    filters: Any
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    data_format: Any = None
    dilation_rate: Any = 1
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    unit_forget_bias: Any = True
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: Any = 0.0
    recurrent_dropout: Any = 0.0
    seed: Any = None
    return_sequences: Any = False
    return_state: Any = False
    go_backwards: Any = False
    stateful: Any = False

    def check(self) -> None:
        super().check()
        check_conv(self, "valid", "same")
        check_steps(self)
        for name in ("dropout", "recurrent_dropout"):
            value = getattr(self, name)
            if is_plain(value) and not 0 <= value < 1:
                raise RuleError(
                    "KT203", f"{name_of(self)}({name}={value}) is not supported; supported: [0, 1)"
                )

    # -- shapes ---------------------------------------------------------------------------------
    def wants(self, *tensors: Tensor) -> list[Layout]:
        return [Layout.LAST if self.channels_first else Layout.FIRST for _ in tensors]

    def step_shape(self, x: Tensor) -> Shape:
        if x.rank != self.rank + 3:
            raise RuleError(
                "KT204", f"{name_of(self)} takes {self.rank + 3} axes, the input has {x.rank}"
            )
        return (x.shape[0], *x.shape[2:])

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        x = tensors[0]
        layout = self.wants(x)[0]
        dtype = self.output_dtype(x.dtype)
        state = conv_shape(self, self.step_shape(x), self.filters)
        mask = options.get("mask", x.mask)
        if decided(self.return_sequences, "return_sequences"):
            result = [Tensor((state[0], x.shape[1], *state[1:]), dtype, layout, mask)]
        else:
            result = [Tensor(state, dtype, layout)]
        if decided(self.return_state, "return_state"):
            result += [Tensor(state, dtype, layout) for _ in range(2)]
        return result

    # -- the module -----------------------------------------------------------------------------
    def module(self, *tensors: Tensor) -> Expr:
        channels = known_channels(self, self.split(self.step_shape(tensors[0]))[2])
        state = activation_function(self.activation, self.flavour)
        gate = activation_function(self.recurrent_activation, self.flavour)
        return Expr(f"ConvLSTM{self.rank}d")(
            channels,
            self.filters,
            kernel_size=squeeze_ntuple(self.each("kernel_size")),
            stride=unless(compact(self.each("strides")), None),
            padding=unless(self.padding, "valid"),
            dilation=unless(compact(self.each("dilation_rate")), None),
            bias=unless(self.use_bias, True),
            state_activation=OMIT if state == torch.tanh else state,
            gate_activation=OMIT if gate == torch.sigmoid else gate,
            dropout=unless(self.dropout, 0.0),
            recurrent_dropout=unless(self.recurrent_dropout, 0.0),
            unit_forget_bias=unless(self.unit_forget_bias, True),
        )

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "input_conv.weight", "kernel"
        yield "recurrent_conv.weight", "recurrent"
        if self.use_bias is not False:
            yield "input_conv.bias", "bias"

    # -- the call -------------------------------------------------------------------------------
    def forward(self, call: Call) -> Expr:
        x = call.x.transpose(1, 2) if self.channels_first else call.x
        arguments = [if_set(self.go_backwards, x.flip(2), x)]
        states = initial_states(call)
        if states:
            moved = "initial_state" in call.options and not self.channels_first
            arguments.append(as_expr(tuple(s.movedim(-1, 1) if moved else s for s in states)))
        mask = mask_of(call)
        if mask is not None:
            mask = if_set(self.go_backwards, mask.flip(1), mask)
        result = call.module(*arguments, mask=OMIT if mask is None else mask)
        if decided(self.return_state, "return_state"):
            result = call.then(result)
            return as_expr((self.wanted(result[0]), Expr.unary("*", result[1])))
        return self.wanted(result[0])

    def wanted(self, sequence: Expr) -> Expr:
        """All steps of (N, C, L, ...), or the last one, in the order of the output."""
        every = sequence.transpose(1, 2) if self.channels_first else sequence
        return if_set(self.return_sequences, every, sequence[:, :, -1])


class ConvLSTM1D(ConvLSTM):
    """``keras.layers.ConvLSTM1D``."""

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """``keras.layers.ConvLSTM2D``."""

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """``keras.layers.ConvLSTM3D``."""

    rank = 3
