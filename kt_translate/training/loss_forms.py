"""Each loss of Keras in PyTorch: the statements, and the expression of the losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import Expr, F, unless
from kt_translate.training.arguments import decided, number


@dataclass(frozen=True)
class OutputFacts:
    """What a loss must know of the model's output."""

    ends_in: str | None  # "softmax" or "sigmoid", if what goes into it can be had
    rank: int  # with the batch
    last_dim: int | None  # Keras's last axis
    channels_first: bool = False  # in torch it is (N, C, ...)
    masked: bool = False

    @property
    def class_dim(self) -> int:
        """Torch's dimension for Keras's last axis."""
        return 1 if self.channels_first else -1

    def shape(self, classes: bool = True) -> str:
        """The output's shape in torch for a docstring, with a space in front; without classes."""
        between = [*"DHW"[3 - (self.rank - 2) :]] if self.channels_first else ["L"]
        if not 2 <= self.rank <= 5 or not isinstance(self.last_dim, int):
            return ""
        if self.rank > 3 and len(between) < 2:
            return ""
        between = between if self.rank > 2 else []
        size = [str(self.last_dim)] if classes else []
        dims = ["N", *size, *between] if self.channels_first else ["N", *between, *size]
        return f" ({', '.join(dims)})" if len(dims) > 1 else " (N,)"

    def torch_dim(self, axis: int) -> int:
        """Torch's dimension for an axis of Keras's."""
        axis = axis % self.rank
        if axis == self.rank - 1:
            return self.class_dim
        return axis + 1 if self.channels_first and axis else axis


@dataclass(frozen=True)
class LossRequest:
    """A loss with its arguments, and what it is computed from."""

    given: dict[str, Any]
    output: OutputFacts
    flavour: str
    x: Expr  # the output, or the logits
    folded: bool  # x went into a final softmax or sigmoid
    reduction: str

    @property
    def dim(self) -> int:
        """Torch's dimension for the loss's axis."""
        return self.output.torch_dim(decided(self.given.get("axis", -1), "axis"))

    @property
    def from_logits(self) -> bool:
        return self.folded or bool(decided(self.given["from_logits"], "from_logits"))


@dataclass(frozen=True)
class LossForm:
    """``losses("none")`` is an expression of all losses, ``losses("mean")`` of their mean."""

    title: str
    statements: list[str]
    losses: Callable[[str], Expr]
    elementwise: bool = True
    support: tuple[str, ...] = ()
    whole: bool = False  # one loss for the batch, not for each sample

    def reduced(self, request: LossRequest) -> Expr:
        """The one number: Keras averages elementwise losses over the last axis in any case."""
        if request.reduction != "sum":
            return self.losses("mean")
        losses = self.losses("none")
        if self.elementwise:
            losses = losses.mean(dim=request.dim)
        return Expr(f"{losses}.sum()")


TARGET = Expr("target")
ONE_MINUS_EPSILON = Expr("1 - 1e-7", 10)


def explicit(losses: Expr, negated: bool = False) -> Callable[[str], Expr]:
    """Losses by their own formula; ``negated`` puts the minus in front of it all."""

    def reduced(reduction: str) -> Expr:
        result: Expr = losses.mean() if reduction == "mean" else losses
        return -result if negated else result

    return reduced


def function(name: str, *args: Any, **kwargs: Any) -> Callable[[str], Expr]:
    """A loss of ``torch.nn.functional``."""
    call = getattr(F, name)
    return lambda reduction: call(*args, **kwargs, reduction=unless(reduction, "mean"))


def matching(request: LossRequest) -> tuple[list[str], Expr]:
    """Statements and expression for the target in the output's type, and in its shape.

    Keras aligns targets (N,) with outputs (N, 1); PyTorch would broadcast them to (N, N).
    """
    x = request.x
    if request.output.last_dim in (1, None):
        return [f"target = {TARGET.reshape(x.shape).to(x.dtype)}"], TARGET
    return [], TARGET.to(x.dtype)


def named(request: LossRequest) -> list[str]:
    """The same as statements, for targets that are used more than once."""
    statements, target = matching(request)
    return statements or [f"target = {target}"]


def smoothed(request: LossRequest, target: Expr, classes: Any) -> Expr:
    smoothing = request.given["label_smoothing"]
    if known(smoothing) == 0:
        return target
    s = number(smoothing)
    return Expr.binary("+", target * (1 - s), s / classes)
