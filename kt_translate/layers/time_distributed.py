"""TimeDistributed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kt_translate.graph.region import CURRENT, Region, derived
from kt_translate.layers.layer import Call, Expr, Layer, Layout, RuleError, Tensor, as_text, same
from kt_translate.layers.rnn_settings import function_of, rule_of
from kt_translate.layers.rnn_wrappers import Wrapper

# Layers that do the same to every position of the axes before the last: they need no folding.
_POSITIONWISE = ("Dense", "Activation", "ReLU", "LeakyReLU", "ELU")
# Layers whose statistics Keras updates at every step.
WITH_STATISTICS = ("BatchNormalization", "SpectralNormalization")


class TimeDistributed(Wrapper):
    """``keras.layers.TimeDistributed``: time is folded into the batch, where it may be."""

    masking = "pass"

    layer: Any

    @property
    def inner(self) -> Layer:
        inner: Layer = rule_of(self.layer)
        return inner

    @property
    def weights_name(self) -> str | None:
        name: str | None = self.common.name or self.inner.common.name
        return name

    def check(self) -> None:
        inner = self.inner
        if not isinstance(inner, Layer):
            raise RuleError(
                "KT203", f"TimeDistributed({as_text(inner)}) is not supported; supported: layers"
            )
        if not inner.activates_inside:
            self.activation = getattr(inner, "activation", None)
        if getattr(inner, "stateful", False) is not False:
            raise RuleError("KT203", "TimeDistributed of a stateful layer is not supported")

    @property
    def is_positionwise(self) -> bool:
        inner = self.inner
        if type(inner).__name__ == "Dropout":
            return same(getattr(inner, "noise_shape", None), None)
        return type(inner).__name__ in _POSITIONWISE

    @property
    def has_statistics(self) -> bool:
        return type(self.inner).__name__ in WITH_STATISTICS

    def wants(self, *tensors: Tensor) -> list[Layout]:
        if self.is_positionwise:
            return self.inner.wants(*tensors)
        return [self._step(t).layout for t in tensors]

    # -- what the inner layer sees --------------------------------------------------------------
    def _step(self, x: Tensor) -> Tensor:
        """One step of the input, in the layout that the inner layer wants."""
        if x.rank < 3 and not self.is_positionwise:
            raise RuleError(
                "KT203", f"TimeDistributed needs an input of at least 3 axes, this one has {x.rank}"
            )
        mask = x.mask
        if mask is not None:
            mask = Tensor((mask.shape[0], *mask.shape[2:]), "bool") if mask.rank > 2 else None
        step = Tensor((x.shape[0], *x.shape[2:]), x.dtype, Layout.LAST, mask)
        wanted = self.inner.wants(step)[0]
        return replace(
            step, layout=wanted if wanted is Layout.FIRST and step.rank > 2 else Layout.LAST
        )

    def _step_output(self, step: Tensor) -> Tensor:
        CURRENT.append(
            Region()
        )  # what the inner layer derives from a single step is no part of the model
        try:
            outputs = self.inner.outputs(step)
        finally:
            CURRENT.pop()
        if len(outputs) != 1:
            raise RuleError(
                "KT203", "TimeDistributed of a layer with several outputs is not supported"
            )
        return outputs[0]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        x = tensors[0]
        if self.is_positionwise:
            return self.inner.outputs(*tensors)
        if self.has_statistics and x.shape[1] is None:
            raise RuleError(
                "KT203",
                f"TimeDistributed({type(self.inner).__name__}) needs a fixed number of steps",
            )
        y = self._step_output(self._step(x))
        shape = (x.shape[0], x.shape[1], *y.shape[1:])
        layout = y.layout if y.rank > 2 else Layout.LAST
        return [Tensor(shape, y.dtype, layout, self._mask(x, y), flattened=y.flattened)]

    def _mask(self, x: Tensor, y: Tensor) -> Tensor | None:
        """The mask of the output: Keras 2 keeps the steps in which anything is, if the layer ``y`` is of gives no mask."""
        if x.mask is None or x.mask.rank < 3 or y.mask is not None or self.flavour == "3":
            return x.mask
        several = x.mask.rank > 3

        def anything(mask: Expr) -> Expr:
            return (mask.flatten(2) if several else mask).any(dim=-1)

        return derived(anything, [x.mask], x.mask.shape[:2], "bool", label="mask")

    def module(self, *tensors: Tensor) -> Expr | None:
        return self.inner.module(*tensors if self.is_positionwise else [self._step(tensors[0])])

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return self.inner.standalone(*tensors) if self.is_positionwise else None

    def parameters(self) -> Iterator[tuple[str, str]]:
        return self.inner.parameters()

    # -- the call -------------------------------------------------------------------------------
    def forward(self, call: Call) -> Expr:
        if self.is_positionwise:
            return self.inner.forward(call)
        step = self._step(call.tensor)
        output = self._step_output(step)
        names = [Expr("step")] if step.mask is None else [Expr("step"), Expr("mask")]
        inside = Call(
            call.module,
            names[:1],
            [step],
            [names[1] if step.mask is not None else None],
            [output],
            {k: v for k, v in call.options.items() if k == "training"},
            lambda expr, comment="": expr,
        )
        body = self.inner.forward(inside)
        function = call.module if body == call.module(*names) else function_of(names, body)
        x = call.x.transpose(1, 2) if step.layout is Layout.FIRST else call.x  # (N, L, C, ...)
        apply = Expr("step_by_step" if self.has_statistics else "over_time")
        y = apply(function, x, *([] if step.mask is None else [call.masks[0]]))
        return y.transpose(1, 2) if call.output.layout is Layout.FIRST else y
