"""RNN and its cells: the cells only declare their settings, RNN makes layers of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import (
    Call,
    Expr,
    Layer,
    Layout,
    RuleError,
    Tensor,
    as_expr,
    as_text,
    is_plain,
)
from kt_translate.layers.rnn import (
    GRU,
    LSTM,
    OLD_NAMES,
    Recurrent,
    SimpleRNN,
    initial_states,
    mask_of,
    state_argument,
)
from kt_translate.layers.rnn_settings import (
    WEIGHT_SETTINGS,
    if_set,
    rule_of,
    unusual_setting,
    without_time_major,
)

R = TypeVar("R", bound="RNN")


class Cell(Layer, abstract=True):
    """One step of a recurrent layer: ``output, states = cell(x, states)``.

    PyTorch's own class where it computes the same, `Keras...Cell` for other activations and for dropout.
    """

    call_arguments = ()

    inert = ("seed",)
    renamed = OLD_NAMES
    activates_inside = True
    over_time: ClassVar[type[Recurrent]]
    within: ClassVar[RNN | None] = None  # the layer that runs it over time as well

    @property
    def states(self) -> int:
        return self.over_time.states

    @property
    def state_size(self) -> Any:
        return [self.units] * self.states if self.states > 1 else self.units  # type: ignore[attr-defined]

    @property
    def output_size(self) -> Any:
        return self.units  # type: ignore[attr-defined]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        if len(tensors) != 1 + self.states:
            raise RuleError(
                "KT203",
                f"{type(self).__name__} needs an input and {self.states} states, "
                f"{len(tensors)} tensors were given",
            )
        if self.within is not None and self.within.is_stacked:
            raise RuleError("KT203", "a cell called beside RNN([...]) that has it is not supported")
        x = tensors[0]
        return [Tensor((x.shape[0], self.output_size), x.dtype) for _ in range(self.states)]

    def result(self, outputs: list[Tensor], *args: Any) -> Any:
        nested = len(args) < 2 or isinstance(args[1], (list, tuple))
        return outputs[0], list(outputs) if nested else outputs[0]

    def module(self, *tensors: Tensor) -> Expr:
        x = tensors[0]
        if self.within is not None:
            return self.within.module(Tensor((x.shape[0], None, x.channels), x.dtype))
        return self.layer().cell_constructor(x)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None

    def parameters(self) -> Iterator[tuple[str, str]]:
        return self.layer().parameters()

    def forward(self, call: Call) -> Expr:
        states = call.inputs[1:]
        if self.within is None:
            return call.module(call.x, state_argument(states))
        sequence = call.module(
            call.x.unsqueeze(1), state_argument([s.unsqueeze(0) for s in states])
        )
        return Expr("with_states")(sequence)[1:] if len(states) > 1 else sequence[1].squeeze(0)

    @property
    def remark(self) -> tuple[str, str] | None:
        """What is said where the source calls the cell step by step."""
        layer = self.layer()
        if (
            layer.has_no_dropout
            and is_plain(layer.recurrent_dropout)
            and not layer.recurrent_dropout
        ):
            return None
        return (
            "KT208",
            f"{type(self).__name__} called step by step draws what it drops anew at every step; "
            "Keras draws it once and keeps it until reset_dropout_mask()",
        )

    def layer(self, **settings: Any) -> Recurrent:
        """The layer that computes this cell over time."""
        own = {name: getattr(self, name) for name, _ in self.signature()}
        return self.over_time.bind([], {**own, **settings}, self.flavour)


class SimpleRNNCell(Cell):
    """``keras.layers.SimpleRNNCell``."""

    over_time = SimpleRNN

    units: Any
    activation: Any = "tanh"
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: Any = 0.0
    recurrent_dropout: Any = 0.0
    seed: Any = None


class LSTMCell(Cell):
    """``keras.layers.LSTMCell``."""

    over_time = LSTM

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
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: Any = 0.0
    recurrent_dropout: Any = 0.0
    seed: Any = None


class GRUCell(Cell):
    """``keras.layers.GRUCell``."""

    over_time = GRU

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
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: Any = 0.0
    recurrent_dropout: Any = 0.0
    reset_after: Any = True
    seed: Any = None


# -- as ``tf.compat.v1.keras`` has them ------------------------------------------------------------


class LSTMV1(LSTM):
    """``tf.compat.v1.keras.layers.LSTM``."""

    keras_kind = "lstm"

    recurrent_activation: Any = "hard_sigmoid"


class GRUV1(GRU):
    """``tf.compat.v1.keras.layers.GRU``."""

    keras_kind = "gru"

    recurrent_activation: Any = "hard_sigmoid"
    reset_after: Any = False


class LSTMCellV1(LSTMCell):
    """``tf.compat.v1.keras.layers.LSTMCell``."""

    keras_kind = "lstm_cell"

    recurrent_activation: Any = "hard_sigmoid"


class GRUCellV1(GRUCell):
    """``tf.compat.v1.keras.layers.GRUCell``."""

    keras_kind = "gru_cell"

    recurrent_activation: Any = "hard_sigmoid"
    reset_after: Any = False


class StackedRNNCells(Layer):
    """``keras.layers.StackedRNNCells``."""

    call_arguments = ()

    cells: Any

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        raise RuleError("KT203", "StackedRNNCells is supported within RNN only")


class RNN(Layer):
    """``keras.layers.RNN``: the layer of its cell, or a stack of those of several cells."""

    call_arguments = ()

    heeds = True
    layout = Layout.LAST
    inert = ("unroll",)

    cell: Any
    return_sequences: Any = False
    return_state: Any = False
    go_backwards: Any = False
    stateful: Any = False
    unroll: Any = False
    zero_output_for_mask: Any = False

    @classmethod
    def bind(cls: type[R], args: list[Any], kwargs: dict[str, Any], flavour: str = "3") -> R:
        return super().bind(args, without_time_major(cls.__name__, kwargs), flavour)

    def check(self) -> None:
        given = rule_of(self.cell)
        given = given.cells if isinstance(given, StackedRNNCells) else self.cell
        self.is_stacked = isinstance(given, (list, tuple)) or given is not self.cell
        self.cells: list[Any] = list(given) if self.is_stacked else [given]
        cells = [rule_of(c) for c in self.cells]
        for cell in cells:
            if isinstance(cell, Layer) and not isinstance(cell, Cell):
                raise RuleError("KT203", f"RNN({as_text(cell)}) is not supported; supported: cells")
        self.parts: list[Recurrent] = []  # none where the cells have to be run one after the other
        if not all(isinstance(c, Cell) for c in cells) or (
            self.is_stacked and decided(self.return_state, "return_state")
        ):
            return
        for i, cell in enumerate(cells):
            cell.within = self
            last = i == len(cells) - 1
            part = cell.layer(
                return_sequences=self.return_sequences if last else True,
                return_state=self.return_state,
                go_backwards=self.go_backwards if i == 0 else False,
                stateful=self.stateful,
                zero_output_for_mask=self.zero_output_for_mask if last else False,
            )
            if len(cells) > 1 and not part.has_no_dropout:
                part.keeps_loop = True
            self.parts.append(part)

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        if not self.parts:
            raise RuleError("KT203", "RNN of such cells is not supported within another layer")
        result = list(tensors[:1])
        for part in self.parts:
            result = part.outputs(*result, **options)
        return result

    def module(self, *tensors: Tensor) -> Expr:
        x, modules = tensors[0], []
        for part in self.parts:
            modules.append(part.module(x))
            x = Tensor((*x.shape[:2], part.units), x.dtype, Layout.LAST, x.mask)
        return modules[0] if len(modules) == 1 else Expr("StackedRNN")(*modules)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None

    def parameters(self) -> Iterator[tuple[str, str]]:
        if len(self.parts) == 1:
            yield from self.parts[0].parameters()
            return
        for i, part in enumerate(self.parts):
            for parameter, prefix in part.parameters():
                yield f"layers.{i}.{parameter}", f"part{i}_{prefix}"

    def __getattr__(self, name: str) -> Any:
        parts = self.__dict__.get("parts", ())
        if name.startswith("part"):
            number, _, setting = name[4:].partition("_")
            return unusual_setting(parts[int(number)], setting)
        if len(parts) == 1 and name.endswith(WEIGHT_SETTINGS):
            return getattr(parts[0], name)
        raise AttributeError(name)

    def forward(self, call: Call) -> Expr:
        if len(self.parts) == 1:
            return self.parts[0].forward(call)
        x = if_set(self.go_backwards, call.x.flip(1), call.x)
        arguments = [x]
        states = initial_states(call)
        if states:
            arguments.append(as_expr([_layer_state(s) for s in states]))
        mask = mask_of(call)
        options = {} if mask is None else {"mask": if_set(self.go_backwards, mask.flip(1), mask)}
        sequence = call.module(*arguments, **options)[0]
        return if_set(self.return_sequences, sequence, sequence[:, -1])


def _layer_state(states: Any) -> Any:
    given = states if isinstance(states, (list, tuple)) else [states]
    return state_argument([s.unsqueeze(0) for s in given])
