"""Keras's metrics that count: right and wrong predictions at thresholds, or of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .metrics import as_output


class ThresholdCounts:
    """True and false positives and negatives at each of some thresholds.

    Args:
        thresholds: what an output must be above to be a positive, one number or several.
        top_k: only so many of a sample's outputs can be positives.
        class_id: only this class counts.
    """

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        if thresholds is None:
            thresholds = 0.5 if top_k is None else -1e10
        several = isinstance(thresholds, Sequence)
        self.thresholds = list(thresholds) if isinstance(thresholds, Sequence) else [thresholds]
        self.single = not several or len(self.thresholds) == 1
        self.top_k = top_k
        self.class_id = class_id
        self.counts = torch.zeros(4, len(self.thresholds), dtype=torch.long)

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        target = as_output(target, output).expand_as(output)
        if self.top_k is not None:
            top = output.topk(self.top_k).indices
            output = torch.full_like(output, -1e10).scatter(-1, top, output.gather(-1, top))
        if self.class_id is not None:
            output, target = output[..., self.class_id], target[..., self.class_id]
        limits = torch.tensor(self.thresholds, dtype=output.dtype, device=output.device)
        positive = output.flatten() > limits[:, None]
        true = target.flatten().bool()
        counts = [positive & true, positive & ~true, ~positive & ~true, ~positive & true]
        self.counts = self.counts.to(output.device) + torch.stack(counts).sum(-1)

    def compute(self) -> Any:
        """A number for one threshold, a list of them for several."""
        result = self.of_counts(*self.counts.double().cpu()).tolist()
        return result[0] if self.single else result

    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        raise NotImplementedError


class TruePositives(ThresholdCounts):
    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        return tp


class FalsePositives(ThresholdCounts):
    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        return fp


class TrueNegatives(ThresholdCounts):
    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        return tn


class FalseNegatives(ThresholdCounts):
    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        return fn


class Precision(ThresholdCounts):
    """How many of the positives are true ones; 0 where there are none."""

    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        return tp / (tp + fp).clamp(min=1)


class Recall(ThresholdCounts):
    """How many of those that should be positives are; 0 where there are none."""

    def of_counts(self, tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
        return tp / (tp + fn).clamp(min=1)


class AUC:
    """The area under a curve through the points of some thresholds, as Keras approximates it.

    Args:
        num_thresholds: how many, evenly between 0 and 1; `thresholds` gives others.
        curve: "ROC", or "PR" for precision over recall.
        summation_method: "interpolation", "minoring" or "majoring".
        multi_label: whether it is the mean of the areas of the labels.
        from_logits: whether outputs go through a sigmoid first.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        from_logits: bool = False,
    ) -> None:
        given = sorted(thresholds) if thresholds is not None else []
        steps = num_thresholds - 1 if thresholds is None else len(given) + 1
        even = [i / steps for i in range(1, steps)]
        self.even = all(
            abs(a - b) <= 1e-7 + 1e-5 * b for a, b in zip(given or even, even, strict=True)
        )
        self.thresholds = [-1e-7, *(given or even), 1 + 1e-7]
        self.curve, self.summation_method = curve, summation_method
        self.multi_label, self.from_logits = multi_label, from_logits
        self.true: Tensor | int = 0  # positives above each threshold: (thresholds, labels)
        self.false: Tensor | int = 0
        self.all_true: Tensor | int = 0
        self.all_false: Tensor | int = 0

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        target = as_output(target, output).bool()
        output = output.sigmoid() if self.from_logits else output
        labels = output.shape[-1] if self.multi_label else 1
        output, target = output.reshape(-1, labels), target.reshape(-1, labels)
        self.true = self.true + self.above(output, target)
        self.false = self.false + self.above(output, ~target)
        self.all_true = self.all_true + target.sum(0)
        self.all_false = self.all_false + (~target).sum(0)

    def above(self, output: Tensor, chosen: Tensor) -> Tensor:
        """How many of the chosen outputs of each label are above each threshold."""
        count, labels = len(self.thresholds), output.shape[1]
        if not self.even:
            limits = torch.tensor(self.thresholds, dtype=output.dtype, device=output.device)
            return ((output > limits[:, None, None]) & chosen).sum(1)
        buckets = ((output * (count - 1)).ceil() - 1).clamp(min=0).long()
        places = buckets * labels + torch.arange(labels, device=output.device)
        counts = torch.bincount(places[chosen], minlength=count * labels).view(count, labels)
        return counts.flip(0).cumsum(0).flip(0)

    def compute(self) -> float:
        found = (self.true, self.false, self.all_true, self.all_false)
        if not all(isinstance(x, Tensor) for x in found):
            return 0.0
        tp, fp, true, false = (torch.as_tensor(x).double().cpu() for x in found)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return float(self.interpolated_precision(tp, tp + fp, true).sum(0).mean())
        recall = tp / true.clamp(min=1)
        precision = tp / (tp + fp).clamp(min=1)
        x, y = (recall, precision) if self.curve == "PR" else (fp / false.clamp(min=1), recall)
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2
        else:
            pick = torch.minimum if self.summation_method == "minoring" else torch.maximum
            heights = pick(y[:-1], y[1:])
        return float(((x[:-1] - x[1:]) * heights).sum(0).mean())

    def interpolated_precision(self, tp: Tensor, positives: Tensor, true: Tensor) -> Tensor:
        """The areas between thresholds where true positives, not precision, run straight."""
        more, steps = tp[:-1] - tp[1:], positives[:-1] - positives[1:]
        slope = more / steps.clamp(min=1)
        intercept = tp[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        ratio = torch.where(both, positives[:-1] / positives[1:].clamp(min=1), 1.0)
        return slope * (more + intercept * ratio.log()) / true.clamp(min=1)


class IoU:
    """Intersection over union, the mean over those of the classes that occur.

    Args:
        num_classes: how many there are.
        classes: the ones that count; all, if there are none given.
        ignore_class: a target that does not count.
        sparse_target, sparse_output: whether these are class numbers, or scores of the classes.
        threshold: makes classes 0 and 1 of outputs that are probabilities.
        dim: where the classes are.
    """

    def __init__(
        self,
        num_classes: int,
        classes: Sequence[int] | None = None,
        ignore_class: int | None = None,
        sparse_target: bool = True,
        sparse_output: bool = True,
        threshold: float | None = None,
        dim: int = -1,
    ) -> None:
        self.num_classes, self.ignore_class, self.dim = num_classes, ignore_class, dim
        self.classes = list(range(num_classes)) if classes is None else list(classes)
        self.sparse_target, self.sparse_output = sparse_target, sparse_output
        self.threshold = threshold
        self.confusion = torch.zeros(num_classes, num_classes, dtype=torch.long)

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        if self.threshold is not None:
            output = output >= self.threshold
        found = (output if self.sparse_output else output.argmax(self.dim)).flatten().long()
        right = (target if self.sparse_target else target.argmax(self.dim)).flatten().long()
        valid = (right >= 0) & (right < self.num_classes)
        valid &= (found >= 0) & (found < self.num_classes)
        if self.ignore_class is not None:
            valid &= right != self.ignore_class
        pairs = right[valid] * self.num_classes + found[valid]
        counts = torch.bincount(pairs, minlength=self.num_classes**2)
        self.confusion = self.confusion.to(counts.device) + counts.view_as(self.confusion)

    def compute(self) -> float:
        both = self.confusion.diag()
        either = self.confusion.sum(0) + self.confusion.sum(1) - both
        both, either = both[self.classes].double(), either[self.classes].double()
        present = (either > 0).sum().clamp(min=1)
        return float((both / (either + 1e-7)).sum() / present)


class FBetaScore:
    """The harmonic mean of precision and recall of each class, recall counting `beta` times.

    Args:
        average: "micro", "macro" or "weighted"; None gives a list with a number for each class.
        beta: how much more recall counts.
        threshold: what a positive must be above; None: the largest output is the positive.
    """

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None
    ) -> None:
        self.average, self.beta, self.threshold = average, beta, threshold
        self.counts: Tensor | int = 0

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        if self.threshold is None:
            largest = output.amax(-1, keepdim=True)
            positive = ((output >= largest) & (output.abs() > 1e-9)).to(output.dtype)
        else:
            positive = (output > self.threshold).to(output.dtype)
        target = target.to(output.dtype)
        missed, wrong = (1 - positive) * target, positive * (1 - target)
        self.counts = self.counts + torch.stack([positive * target, wrong, missed, target]).sum(1)

    def compute(self) -> Any:
        counts = torch.as_tensor(self.counts)
        tp, fp, fn, weights = counts.sum(1) if self.average == "micro" else counts
        precision, recall = tp / (tp + fp + 1e-7), tp / (tp + fn + 1e-7)
        square = self.beta**2
        scores = (1 + square) * (precision * recall / (square * precision + recall + 1e-7))
        if self.average is None:
            return scores.tolist()
        if self.average == "weighted":
            return float((scores * weights / (weights.sum() + 1e-7)).sum())
        return float(scores.mean())


class R2Score:
    """The share of the targets' variance that the outputs explain.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for a list.
        num_regressors: adjusts the score for so many independent variables.
    """

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0
    ) -> None:
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.sums: Tensor | int = 0
        self.samples, self.values = 0, 0

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        target = as_output(target, output).to(output.dtype)
        parts = [target, target.square(), (target - output).square()]
        self.sums = self.sums + torch.stack(parts).sum(1)
        self.samples += len(target)
        self.values += target.numel()

    def compute(self) -> Any:
        total, squares, error = torch.as_tensor(self.sums)
        variance = squares - total * (total / self.samples)
        scores = 1 - error / variance
        scores = torch.where(scores.isinf(), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (variance * scores).sum() / variance.sum()
        if 0 < self.num_regressors < self.values - 1:
            scores = 1 - (1 - scores) * (self.values - 1) / (self.values - self.num_regressors - 1)
        return scores.tolist()
