"""What ``compile`` says: an optimizer, a loss, and the report's entry for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.emit.module import environment
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.lower.writer import ClassCode
from kt_translate.training.loss_forms import OutputFacts
from kt_translate.training.losses import LossCode, loss_rule
from kt_translate.training.optimizers import OptimizerCode, optimizer_rule


@dataclass
class Part:
    """One compiled model."""

    model: str
    line: int
    loss: LossCode | None
    optimizer: OptimizerCode | None
    suffix: str

    @property
    def loss_name(self) -> str:
        return f"loss_fn{self.suffix}"

    @property
    def optimizer_name(self) -> str:
        return f"make_optimizer{self.suffix}"

    @property
    def scheduler_name(self) -> str:
        return f"make_scheduler{self.suffix}"

    def entry(self) -> dict[str, Any]:
        """The entry in the report."""
        scheduled = self.optimizer is not None and self.optimizer.scheduler is not None
        return {
            "model": self.model,
            "line": self.line,
            "optimizer": self.optimizer_name if self.optimizer else None,
            "loss": self.loss_name if self.loss else None,
            "loss_on": self.loss.on if self.loss else "forward",
            "scheduler": self.scheduler_name if scheduled else None,
            "metrics": [],
            "fit": None,
        }


def compiled(
    calls: list[tuple[str, int, dict[str, Any], ClassCode]], flavour: str, log: Log
) -> list[Part]:
    """The parts for each ``compile`` call: (model's name, line, its arguments, the model's class)."""
    parts = []
    for name, line, given, code in calls:
        place = Place(max(line, 1))
        loss = None
        if given.get("loss") is not None:
            if len(code.outputs) == 1:
                loss = loss_rule(given["loss"], _facts(code.outputs[0]), flavour, log, place)
            else:
                log.add("KT502", place, "the losses of several outputs are not translated")
        optimizer = optimizer_rule(given.get("optimizer", "rmsprop"), flavour, log, place)
        if given.get("metrics"):
            log.add("KT503", place, "the metrics are left out")
        parts.append(Part(name, line, loss, optimizer, "" if len(calls) == 1 else f"_{name}"))
    return parts


def _facts(output: Tensor) -> OutputFacts:
    last = output.shape[-1]
    return OutputFacts(
        output.activation,
        output.rank,
        last if isinstance(last, int) else getattr(last, "value", None),
        output.layout is Layout.FIRST and output.rank > 3,
        output.mask is not None,
    )


def render(parts: list[Part], source: str) -> str:
    """The section of the output; empty where nothing is compiled."""
    if not parts:
        return ""
    return str(environment().get_template("training.py.j2").render(parts=parts, source=source))
