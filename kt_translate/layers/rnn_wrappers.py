"""Bidirectional."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

from kt_translate.graph.sym import known, same
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    Layer,
    Layout,
    RuleError,
    Sym,
    Tensor,
    as_expr,
    as_text,
    torch,
)
from kt_translate.layers.rnn import Recurrent, initial_states, mask_of, state_argument
from kt_translate.layers.rnn_cells import RNN
from kt_translate.layers.rnn_settings import (
    WEIGHT_SETTINGS,
    if_set,
    opposite,
    rule_of,
    unusual_setting,
)

# What two directions may differ in and still be one module of PyTorch.
_FREE = ("go_backwards", "seed", "use_cudnn", "unroll")


class Wrapper(Layer, abstract=True):
    """A layer around another one, whose settings of the weights it passes on."""

    heeds = True
    layout = Layout.LAST

    def __getattr__(self, name: str) -> Any:
        if name.endswith(WEIGHT_SETTINGS) and "layer" in self.__dict__:
            return getattr(rule_of(self.__dict__["layer"]), name)
        raise AttributeError(name)


class Bidirectional(Wrapper):
    """``keras.layers.Bidirectional``: one module of PyTorch where both directions are alike."""

    call_arguments = ()

    only = {"weights": (None,)}

    layer: Any
    merge_mode: Any = "concat"
    weights: Any = None
    backward_layer: Any = None

    def check(self) -> None:
        mode = known(self.merge_mode)
        if mode not in ("concat", "sum", "ave", "mul") and self.merge_mode is not None:
            raise RuleError(
                "KT203", f"Bidirectional(merge_mode={as_text(self.merge_mode)}) is not supported"
            )
        # Keras makes its layers anew from their settings, of which `implementation` is none.
        self.inner = inner = copy(_recurrent(self.layer))
        inner.implementation = 2  # type: ignore[misc]
        self.backward = backward = (
            None if self.backward_layer is None else _recurrent(self.backward_layer)
        )
        if inner.go_backwards is not False:
            raise RuleError("KT203", "Bidirectional needs a layer that goes forwards")
        if backward is None:
            return
        if type(backward) is not type(inner) or not same(backward.units, inner.units):
            raise RuleError("KT203", "Bidirectional needs two layers of one kind and size")
        if backward.go_backwards is not True:
            raise RuleError("KT203", "Bidirectional needs a backward_layer with go_backwards=True")
        for name in ("stateful", "return_sequences", "return_state"):
            if not same(getattr(inner, name), getattr(backward, name)):
                raise RuleError("KT203", f"Bidirectional needs two layers with the same {name}")

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        output, *states = self.inner.outputs(*tensors, **options)
        if self.backward is not None:
            self.backward.takes_mask = self.inner.takes_mask  # type: ignore[misc]
        units: Any = output.shape[-1]
        if isinstance(self.merge_mode, Sym):
            units = Sym.choose(Sym.binary("==", self.merge_mode, "concat"), units * 2, units)
        elif self.merge_mode == "concat":
            units = units * 2
        output.shape = (*output.shape[:-1], units)
        merged = [output]
        if self.merge_mode is None:
            merged.append(Tensor(output.shape, output.dtype, output.layout, output.mask))
        return [*merged, *states, *(Tensor(s.shape, s.dtype) for s in states)]

    # -- the module -----------------------------------------------------------------------------
    @property
    def is_one_module(self) -> bool:
        if self.inner.is_native and not self.inner.has_no_dropout:
            return False  # the two directions drop different inputs
        return self.backward is None or all(
            same(getattr(self.inner, name), getattr(self.backward, name))
            for name, _ in self.inner.signature()
            if name not in _FREE
        )

    def module(self, *tensors: Tensor) -> Expr:
        x, inner = tensors[0], self.inner
        zero_masked = inner.return_sequences  # Keras sets it so
        if self.is_one_module:
            return inner.constructor(x, bidirectional=True, zero_masked=zero_masked)
        there = inner.constructor(x, zero_masked=zero_masked)
        back = (self.backward or inner).constructor(x, zero_masked=zero_masked)
        dropout = inner.dropout if inner.is_native and not inner.has_no_dropout else OMIT
        return Expr("TwoDirections")(there, back, dropout=dropout)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None

    def parameters(self) -> Iterator[tuple[str, str]]:
        if self.is_one_module:
            yield from self.inner.parameters()
            return
        for parameter, prefix in self.inner.parameters():
            yield f"forward_layer.{parameter}", prefix
            yield f"backward_layer.{parameter}", f"backward_{prefix}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("backward_") and name.endswith(WEIGHT_SETTINGS):
            backward = self.__dict__.get("backward") or self.inner
            return unusual_setting(backward, name.removeprefix("backward_"))
        return super().__getattr__(name)

    # -- the call -------------------------------------------------------------------------------
    def forward(self, call: Call) -> Expr:
        states = initial_states(call)
        arguments: list[Any] = [call.x]
        if states:
            half = len(states) // 2
            pairs = zip(states[:half], states[half:], strict=True)
            arguments.append(state_argument([torch.stack(list(pair)) for pair in pairs]))
        mask = mask_of(call)
        result = call.module(*arguments, mask=OMIT if mask is None else mask)
        sequences = self.inner.return_sequences
        if decided(self.inner.return_state, "return_state"):
            result = Expr("with_states")(result, last=opposite(sequences))
            if self.merge_mode == "concat":
                return result
            output = call.then(result)
            merged = self._merged(output[0])
            rest = Expr.unary("*", output[1:])
            return as_expr((Expr.unary("*", merged) if self.merge_mode is None else merged, rest))
        if isinstance(sequences, Sym) or (not sequences and states and mask is not None):
            result = call.then(result)
            last = Expr("with_states")(result, last=True)[0]
            return self._merged(if_set(sequences, result[0], last))
        if sequences:
            return self._merged(result[0])
        return self._merged_last(result[1][0] if self.inner.states == 2 else result[1])

    def _merged(self, x: Expr) -> Expr:
        """Of the two directions side by side on the last axis."""
        if self.merge_mode == "concat":
            return x
        if self.merge_mode is None:
            return x.chunk(2, dim=-1)
        if isinstance(self.merge_mode, Sym):
            return Expr("merge_directions")(x, self.merge_mode)
        return _reduced(x.unflatten(-1, (2, -1)), self.merge_mode, -2)

    def _merged_last(self, h: Expr) -> Expr:
        """Of the last states (2, N, H)."""
        if self.merge_mode == "concat":
            return torch.cat([Expr.unary("*", h)], dim=-1)
        if isinstance(self.merge_mode, Sym):
            return self._merged(torch.cat([Expr.unary("*", h)], dim=-1))
        if self.merge_mode is None:
            return h.unbind()
        return _reduced(h, self.merge_mode, 0)


def _reduced(x: Expr, mode: str, dim: int) -> Expr:
    reduced: Expr = getattr(x, _REDUCTIONS[mode])(dim=dim)
    return reduced


def _recurrent(value: Any) -> Recurrent:
    rule = rule_of(value)
    if isinstance(rule, RNN) and len(rule.parts) == 1:
        return rule.parts[0]
    if isinstance(rule, Recurrent):
        return rule
    raise RuleError(
        "KT203", f"Bidirectional({as_text(rule)}) is not supported; supported: LSTM, GRU, SimpleRNN"
    )


_REDUCTIONS = {"sum": "sum", "ave": "mean", "mul": "prod"}
