"""What ``compile`` says: an optimizer, a loss, metrics, and the report's entry for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.emit.definitions import rendered
from kt_translate.emit.own_code import with_own_code
from kt_translate.emit.support import words
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.graph.nodes import CallNode
from kt_translate.graph.sym import known, substitute
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.names import attribute_name
from kt_translate.training.loss_forms import OutputFacts
from kt_translate.training.losses import LossCode, LossesCode
from kt_translate.training.metrics import MetricCode
from kt_translate.training.optimizers import OptimizerCode, optimizer_rule
from kt_translate.training.outputs import compiled_loss, compiled_metrics


@dataclass
class Part:
    """One compiled model."""

    model: str
    line: int
    loss: LossCode | LossesCode | None
    optimizer: OptimizerCode | None
    metrics: list[MetricCode]
    suffix: str
    outputs: str = "Tensor"  # the type of what the module gives

    @property
    def loss_name(self) -> str:
        return f"loss_fn{self.suffix}"

    @property
    def optimizer_name(self) -> str:
        return f"make_optimizer{self.suffix}"

    @property
    def scheduler_name(self) -> str:
        return f"make_scheduler{self.suffix}"

    @property
    def losses(self) -> dict[str, LossCode]:
        """The functions of single outputs."""
        return self.loss.functions if isinstance(self.loss, LossesCode) else {}

    def metric_name(self, metric: MetricCode) -> str:
        return f"{metric.factory}{self.suffix}"

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
            "metrics": [
                {"name": metric.name, "factory": self.metric_name(metric)}
                for metric in self.metrics
            ],
            "fit": None,
        }


def compiled(
    calls: list[tuple[str, int, dict[str, Any], ClassCode]],
    flavour: str,
    log: Log,
    written: Sequence[ClassCode] = (),
    ev: Interpreter | None = None,
) -> list[Part]:
    """The parts for each ``compile`` call: (model's name, line, its arguments, the model's class).

    ``written``: all classes of the file; those of them that a model uses may have embeddings.
    ``ev``: what ran the source, to run losses that are code of its own.
    """
    parts = []
    for name, line, given, code in calls:
        place = Place(max(line, 1))
        outputs = _outputs(code)
        if ev is not None:
            tensors = dict(zip(outputs, code.outputs, strict=True))
            given = with_own_code(ev, given, tensors, flavour, log, place)
        by_name = code.annotation.startswith("dict")
        suffix = "" if len(calls) == 1 else f"_{attribute_name(name, 'model')}"
        kind = "3" if flavour == "3" else "2"
        loss = compiled_loss(given, outputs, by_name, kind, log, place, suffix)
        metrics = compiled_metrics(given, outputs, by_name, kind, log, place)
        optimizer = optimizer_rule(
            given.get("optimizer", "rmsprop"),
            flavour,
            log,
            place,
            lookups=_has_embeddings(code, written),
        )
        parts.append(Part(name, line, loss, optimizer, metrics, suffix, code.annotation))
    return parts


def _outputs(code: ClassCode) -> dict[str, OutputFacts]:
    """The outputs by Keras's names of them, in the order of the model."""
    found: dict[str, OutputFacts] = {}
    for i, output in enumerate(code.outputs):
        name = output_name(output) or f"output_{i}"
        found[f"{name}_{i}" if name in found else name] = _facts(output, code.logits is not None)
    return found


def output_name(output: Tensor) -> str | None:
    """The name of the layer that makes an output, if the source gives it one."""
    name = _name_of(output)
    return name if isinstance(name, str) else None


def _name_of(output: Tensor) -> Any:
    node = output.node
    while node is not None:
        if isinstance(node, CallNode) and node.plan.kind == "function":
            ends = zip(node.outputs, tensors_in(node.plan.result), strict=True)
            name = next(_name_of(inner) for outer, inner in ends if outer is output)
            return known(substitute(name, node.args))
        name = getattr(getattr(node, "use", None), "keras_name", None)
        if name is not None:
            return name
        before = node.inputs[0].node if len(node.inputs) == 1 else None
        if type(getattr(node, "rule", None)).__name__ != "Activation" or before is None:
            return None
        node = before if before.line == node.line else None
    return None


def _facts(output: Tensor, logits: bool) -> OutputFacts:
    last = output.shape[-1]
    return OutputFacts(
        output.activation if logits else None,
        output.rank,
        last if isinstance(last, int) else getattr(last, "value", None),
        output.layout is Layout.FIRST and output.rank > 3,
        output.mask is not None,
    )


def _has_embeddings(code: ClassCode, written: Sequence[ClassCode]) -> bool:
    """Whether the class, or one that it uses, looks up rows of an embedding."""
    classes = {other.name: other for other in written}
    seen: set[str] = set()
    todo = [code]
    while todo:
        text = " ".join(todo.pop().init)
        if "nn.Embedding(" in text:
            return True
        used = (words(text) & classes.keys()) - seen
        seen |= used
        todo += [classes[name] for name in used]
    return False


def section(parts: list[Part], source: str) -> list[str]:
    """The section of the output; empty where nothing is compiled."""
    return rendered("training.py.j2", parts=parts, source=source) if parts else []
