"""LSTM, GRU, SimpleRNN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from kt_translate.graph.region import batch_of
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    F,
    Layer,
    Layout,
    RuleError,
    Shape,
    Sym,
    Tensor,
    as_text,
    is_plain,
    nn,
    torch,
    unless,
)
from kt_translate.layers.rnn_settings import (
    activation_function,
    activation_name,
    if_set,
    opposite,
    without_time_major,
)
from kt_translate.layers.spatial import known_channels

R = TypeVar("R", bound="Recurrent")

OLD_NAMES = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}


class Recurrent(Layer, abstract=True):
    """A recurrent layer over time; in torch (N, L, C) as in Keras.

    PyTorch's own class where it computes the same; `Masked...` if the input has a mask, `Keras...`
    (a loop) for other activations and for dropout of the states.
    """

    call_arguments = ()

    heeds = True
    layout = Layout.LAST
    renamed = OLD_NAMES
    activates_inside = True
    inert = ("seed", "unroll", "use_cudnn")
    states: ClassVar[int] = 1
    native: ClassVar[str]  # the class in torch.nn
    native_activations: ClassVar[tuple[str, ...]] = ("tanh",)
    looped: ClassVar[str]

    # Keras takes these by keyword, beside its signature.
    zero_output_for_mask: ClassVar[Any] = False
    implementation: ClassVar[Any] = 2
    takes_mask: ClassVar[bool] = False  # whether any call has one
    keeps_loop: ClassVar[bool] = False  # asked for by what it is part of

    if TYPE_CHECKING:  # fields of every one of them, each in its own order
        units: Any
        activation: Any = "tanh"
        use_bias: Any = True
        dropout: Any = 0.0
        recurrent_dropout: Any = 0.0
        return_sequences: Any = False
        return_state: Any = False
        go_backwards: Any = False
        stateful: Any = False

    @classmethod
    def bind(cls: type[R], args: list[Any], kwargs: dict[str, Any], flavour: str = "3") -> R:
        kwargs = without_time_major(cls.__name__, kwargs)
        beside = {
            k: kwargs.pop(k) for k in ("zero_output_for_mask", "implementation") if k in kwargs
        }
        layer = super().bind(args, kwargs, flavour)
        for name, value in beside.items():
            setattr(layer, name, value)
        return layer

    def check(self) -> None:
        for name in ("dropout", "recurrent_dropout"):
            value = getattr(self, name)
            if isinstance(value, (int, float)) and not 0 <= value < 1:
                raise RuleError(
                    "KT203",
                    f"{type(self).__name__}({name}={value}) is not supported; supported: [0, 1)",
                )

    # -- shapes ---------------------------------------------------------------------------------
    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        x = tensors[0]
        if x.rank != 3:
            raise RuleError(
                "KT203", f"{type(self).__name__} needs an input of 3 axes, this one has {x.rank}"
            )
        known_channels(self, x.channels)
        dtype = self.output_dtype(x.dtype)
        mask = options.get("mask", x.mask)
        self.takes_mask = self.takes_mask or mask is not None  # type: ignore[misc]
        sequences = decided(self.return_sequences, "return_sequences")
        shape: Shape = (*x.shape[:2], self.units) if sequences else (x.shape[0], self.units)
        result = [Tensor(shape, dtype, Layout.LAST, mask if sequences else None)]
        if decided(self.return_state, "return_state"):
            result += [Tensor((x.shape[0], self.units), dtype) for _ in range(self.states)]
        return result

    # -- the module -----------------------------------------------------------------------------
    @property
    def is_native(self) -> bool:
        """Whether the numbers are those of the class in torch.nn (but for masks)."""
        return (
            not self.keeps_loop
            and is_plain([self.activation, self.recurrent_dropout, self.implementation])
            and activation_name(self.activation) in self.native_activations
            and not self.recurrent_dropout
            and (self.implementation != 1 or self.has_no_dropout)
        )

    @property
    def has_no_dropout(self) -> bool:
        return is_plain(self.dropout) and not self.dropout

    @property
    def unit_forget_bias_off(self) -> bool:
        return False

    @property
    def class_name(self) -> Expr:
        kind = self.native if self.is_native else self.looped
        if self.is_native and self.takes_mask:
            kind = f"Masked{kind}"
        if decided(self.stateful, "stateful"):
            return Expr(f"Stateful{kind}")
        return getattr(nn, kind) if kind == self.native else Expr(kind)

    def module(self, *tensors: Tensor) -> Expr:
        return self.constructor(tensors[0])

    def constructor(self, x: Tensor, bidirectional: bool = False, zero_masked: Any = None) -> Expr:
        if zero_masked is None:
            zero_masked = self.zero_output_for_mask
        settings: dict[str, Any] = dict(
            batch_first=True,
            bidirectional=unless(bidirectional, False),
            bias=unless(self.use_bias, True),
            **(self.native_settings() if self.is_native else self.loop_settings()),
            zero_masked=unless(zero_masked, False) if self.takes_mask else OMIT,
            batch_size=self._batch_size(x) if decided(self.stateful, "stateful") else OMIT,
        )
        module = self.class_name(x.channels, self.units, **settings)
        return Expr("no_forget_bias")(module) if self.unit_forget_bias_off else module

    def cell_constructor(self, x: Tensor) -> Expr:
        """What makes the module of a single step."""
        native = self.is_native and self.has_no_dropout
        settings = self.native_settings() if native else self.loop_settings()
        kind = getattr(nn, f"{self.native}Cell") if native else Expr(f"{self.looped}Cell")
        module: Expr = kind(x.channels, self.units, bias=unless(self.use_bias, True), **settings)
        return Expr("no_forget_bias")(module) if self.unit_forget_bias_off else module

    def native_settings(self) -> dict[str, Any]:
        return {}

    def loop_settings(self) -> dict[str, Any]:
        activation = activation_function(self.activation, self.flavour)
        return {
            "state_activation": OMIT if activation == torch.tanh else activation,
            "dropout": OMIT if self.has_no_dropout else self.dropout,
            "recurrent_dropout": unless(self.recurrent_dropout, 0.0),
            "implementation": unless(self.implementation, 2) if not self.has_no_dropout else OMIT,
        }

    def _batch_size(self, x: Tensor) -> Any:
        batch = batch_of(x)
        if batch is None:
            raise RuleError(
                "KT203", "a stateful layer needs a fixed batch size", "Give Input a batch_size."
            )
        return batch

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight_ih", "kernel"
        yield "weight_hh", "recurrent"
        if self.use_bias is not False:
            yield "bias_ih", "bias"

    # -- the call -------------------------------------------------------------------------------
    def forward(self, call: Call) -> Expr:
        mask = mask_of(call)
        x = if_set(self.go_backwards, call.x.flip(1), call.x)
        if self.is_native and not self.has_no_dropout:
            x = F.dropout1d(x.mT, self.dropout, call.module.training).mT  # one mask for all steps
        arguments: list[Any] = [x]
        states = initial_states(call)
        if states:
            arguments.append(state_argument([s.unsqueeze(0) for s in states]))
        options = {} if mask is None else {"mask": if_set(self.go_backwards, mask.flip(1), mask)}
        result = call.module(*arguments, **options)
        if decided(self.return_state, "return_state"):
            return Expr("with_states")(result, last=opposite(self.return_sequences))
        if not isinstance(self.return_sequences, Sym):
            return result[0] if self.return_sequences else result[0][:, -1]
        sequence = call.then(result[0])
        return if_set(self.return_sequences, sequence, sequence[:, -1])


def mask_of(call: Call) -> Expr | None:
    """The mask that a call was given, or that comes with its input."""
    return call.options.get("mask", call.masks[0])


def initial_states(call: Call) -> list[Expr]:
    """The initial states that a call was given, by keyword or behind the input."""
    given = call.options.get("initial_state")
    if given is None:
        return list(call.inputs[1:])
    return list(given) if isinstance(given, (list, tuple)) else [given]


def state_argument(states: list[Expr]) -> Expr | tuple[Expr, ...]:
    """What torch's modules take: one tensor, or for an LSTM two."""
    return tuple(states) if len(states) > 1 else states[0]


class SimpleRNN(Recurrent):
    """``keras.layers.SimpleRNN``."""

    native = "RNN"
    native_activations = ("tanh", "relu")
    looped = "KerasSimpleRNN"

    units: Any
    activation: Any = "tanh"
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: Any = 0.0
    recurrent_dropout: Any = 0.0
    return_sequences: Any = False
    return_state: Any = False
    go_backwards: Any = False
    stateful: Any = False
    unroll: Any = False
    seed: Any = None

    def native_settings(self) -> dict[str, Any]:
        return {"nonlinearity": unless(activation_name(self.activation), "tanh")}


class Gated(Recurrent, abstract=True):
    """A recurrent layer with gates, which have an activation of their own."""

    if TYPE_CHECKING:
        recurrent_activation: Any = "sigmoid"

    @property
    def is_native(self) -> bool:
        gate = self.recurrent_activation
        return super().is_native and is_plain(gate) and activation_name(gate) == "sigmoid"

    def loop_settings(self) -> dict[str, Any]:
        settings = super().loop_settings()
        gate = activation_function(self.recurrent_activation, self.flavour)
        return {
            "state_activation": settings.pop("state_activation"),
            "gate_activation": unless(gate, torch.sigmoid),
            **settings,
        }


class LSTM(Gated):
    """``keras.layers.LSTM``; its gates are in PyTorch's order."""

    native = "LSTM"
    looped = "KerasLSTM"
    states = 2
    flavours = {"1": {"recurrent_activation": "hard_sigmoid"}}

    units: Any
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
    unroll: Any = False
    use_cudnn: Any = "auto"

    @property
    def unit_forget_bias_off(self) -> bool:
        return self.unit_forget_bias is False and self.use_bias is not False


class GRU(Gated):
    """``keras.layers.GRU``; its gates are z, r, h where PyTorch has r, z, n."""

    native = "GRU"
    looped = "KerasGRU"
    flavours = {"1": {"recurrent_activation": "hard_sigmoid", "reset_after": False}}

    units: Any
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
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
    unroll: Any = False
    reset_after: Any = True
    use_cudnn: Any = "auto"

    @property
    def is_native(self) -> bool:
        return super().is_native and self.reset_after is True

    def check(self) -> None:
        super().check()
        if not isinstance(self.reset_after, bool):
            raise RuleError("KT203", f"GRU(reset_after={as_text(self.reset_after)}) must be known")

    def loop_settings(self) -> dict[str, Any]:
        return {**super().loop_settings(), "reset_after": unless(self.reset_after, True)}

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield from super().parameters()
        if self.use_bias is not False and self.reset_after:
            yield "bias_hh", "bias"
