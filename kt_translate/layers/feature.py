"""ReversibleEmbedding, and Pipeline: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.layers.core import Embedding
from kt_translate.layers.layer import (
    Call,
    Expr,
    Layer,
    Layout,
    RuleError,
    Tensor,
    as_text,
    nn,
    unless,
)
from kt_translate.layers.rnn_settings import rule_of
from kt_translate.layers.spatial import plain


class ReversibleEmbedding(Layer):
    """``keras.layers.ReversibleEmbedding``; called with ``reverse=True`` it leads back."""

    layout = Layout.LAST

    input_dim: Any
    output_dim: Any
    tie_weights: Any = True
    embeddings_initializer: Any = "uniform"
    embeddings_regularizer: Any = None
    embeddings_constraint: Any = None
    mask_zero: Any = False
    reverse_dtype: Any = None
    logit_soft_cap: Any = None

    only = {"reverse_dtype": (None,)}

    output_shape = Embedding.output_shape
    output_mask = Embedding.output_mask

    def output_dtype(self, *dtypes: str) -> str:
        return "float32"

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        plain(self, "tie_weights")  # it decides how many weights there are
        reverse = options.get("reverse", False)
        if not isinstance(reverse, bool):
            raise RuleError("KT203", f"reverse={as_text(reverse)} must be known")
        if not reverse:
            return super().outputs(*tensors)
        (x,) = tensors
        return [Tensor((*x.shape[:-1], self.input_dim), self.output_dtype(x.dtype))]

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("ReversibleEmbedding")(
            self.input_dim,
            self.output_dim,
            tie_weights=unless(self.tie_weights, True),
            logit_soft_cap=unless(self.logit_soft_cap, None),
        )

    def forward(self, call: Call) -> Expr:
        if call.options.get("reverse"):
            return call.module(call.x, reverse=True)
        whole = call.tensor.dtype.startswith(("int", "uint"))
        return call.module(call.x if whole else call.x.int())

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "embeddings"
        if self.tie_weights is not True and self.embeddings_regularizer is None:
            yield "reverse_weight", "embeddings"


class Pipeline(Layer):
    """``keras.layers.Pipeline``: its layers in an nn.Sequential."""

    layers: Any

    def check(self) -> None:
        given = self.layers if isinstance(self.layers, (list, tuple)) else [self.layers]
        self.parts: list[Layer] = [rule_of(part) for part in given]
        for part in self.parts:
            if not isinstance(part, Layer) or getattr(part, "activation", None) is not None:
                raise RuleError("KT203", f"Pipeline({as_text(part)}) is not supported")

    def wants(self, *tensors: Tensor) -> list[Layout]:
        """What the first of its layers wants that does not take everything."""
        layouts = [part.wants(*tensors)[0] for part in self.parts]
        return [next((w for w in layouts if w is not Layout.KEEP), Layout.KEEP)]

    def steps(self, x: Tensor) -> Iterator[tuple[Layer, Tensor]]:
        """Each layer with its input, and at the end the output with the last layer again."""
        for part in self.parts:
            wanted = part.wants(x)[0]
            if x.rank > 2 and wanted not in (Layout.KEEP, x.layout):
                raise RuleError("KT203", "Pipeline of layers that want different orders of axes")
            yield part, x
            x = part.outputs(x)[0]
        yield self.parts[-1], x

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        *_, (_, output) = self.steps(tensors[0])
        return [output]

    def module(self, *tensors: Tensor) -> Expr:
        modules = []
        for part, x in list(self.steps(tensors[0]))[:-1]:
            module = part.standalone(x)
            if module is None:
                raise RuleError(
                    "KT203",
                    f"Pipeline({type(part).__name__}) is not supported",
                    "call the layers one after the other",
                )
            modules.append(module)
        return nn.Sequential(*modules)
