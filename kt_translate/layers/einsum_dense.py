"""EinsumDense: the equation tells the shapes of kernel, bias and output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kt_translate.layers.layer import (
    Dim,
    Expr,
    Layer,
    Layout,
    RuleError,
    Shape,
    Tensor,
    unless,
)
from kt_translate.layers.spatial import plain


class EinsumDense(Layer):
    """``keras.layers.EinsumDense``."""

    layout = Layout.LAST

    equation: Any
    output_shape_: Any
    activation: Any = None
    bias_axes: Any = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    lora_rank: Any = None
    lora_alpha: Any = None
    gptq_unpacked_column_size: Any = None
    quantization_config: Any = None

    renamed = {"output_shape": "output_shape_"}  # the name of the method that every layer has
    only = {"lora_rank": (None,), "quantization_config": (None,)}
    inert = ("lora_alpha", "gptq_unpacked_column_size")

    def check(self) -> None:
        equation = re.sub(r"\s", "", plain(self, "equation"))
        plain(self, "bias_axes")
        parts = re.fullmatch(r"(\.\.\.)?(\w+?)(\.\.\.)?,(\w+)->(\.\.\.)?(\w+?)(\.\.\.)?", equation)
        if parts is None or parts[1] != parts[5] or parts[3] != parts[7] or all(parts.group(1, 3)):
            raise RuleError(
                "KT204", f"EinsumDense(equation={equation!r}) is not one that Keras takes"
            )
        self.equation = equation
        self.left, self.right = bool(parts[1]), bool(parts[3])
        self.input, self.kernel, self.output = parts[2], parts[4], parts[6]
        unknown = (set(self.kernel) | set(self.output)) - set(self.input + self.kernel)
        lost = set(self.kernel) - set(self.input + self.output)
        if unknown or lost or not set(self.bias_axes or "") <= set(self.output):
            raise RuleError(
                "KT204", f"EinsumDense: the letters of {equation!r} do not fit together"
            )

    def sizes(self, shape: Shape) -> tuple[dict[str, Dim], list[Dim]]:
        """The size for each letter, and those of the axes that "..." stands for."""
        elided = len(shape) - len(self.input)
        if elided < 0 or (elided and not (self.left or self.right)):
            raise RuleError("KT204", f"EinsumDense({self.equation!r}) of {len(shape)} axes")
        given = self.output_shape_
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        if self.left:
            rest, named = list(shape[:elided]), shape[elided:]
        else:
            rest, named = list(shape[len(self.input) :]), shape[: len(self.input)]
        letters = self.output if self.left and elided else self.output[1:]
        if len(letters) != len(given):
            raise RuleError(
                "KT204", f"EinsumDense(output_shape={given}) does not fit {self.equation!r}"
            )
        sizes: dict[str, Dim] = dict(zip(letters, given))
        sizes.update((a, n) for a, n in zip(self.input, named) if sizes.get(a) is None)
        return sizes, rest

    def output_shape(self, *shapes: Shape) -> Shape:
        sizes, rest = self.sizes(shapes[0])
        named = [sizes[letter] for letter in self.output]
        return (*rest, *named) if self.left else (*named, *rest)

    def module(self, *tensors: Tensor) -> Expr:
        sizes, rest = self.sizes(tensors[0].shape)
        kernel = tuple(sizes[letter] for letter in self.kernel)
        if None in kernel:
            raise RuleError("KT204", "EinsumDense needs to know the sizes of its kernel")
        bias: Any = None
        if self.bias_axes:
            start = min(self.output.index(letter) for letter in self.bias_axes)
            letters = self.output[start:]
            bias = tuple(sizes[a] if a in self.bias_axes else 1 for a in letters)
            bias = (*bias, *[1] * len(rest)) if self.right else bias
        return Expr("EinsumDense")(self.equation, kernel, bias_shape=unless(bias, None))

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "kernel"
        if self.bias_axes:
            yield "bias", "bias"
