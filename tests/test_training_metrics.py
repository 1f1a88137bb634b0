"""Metrics against Keras itself: over batches of different sizes, in float64."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.objects import KerasFunction, KerasObject
from kt_translate.pytorch.support import losses, metrics, metrics_counts
from kt_translate.training.loss_forms import OutputFacts
from kt_translate.training.metrics import MetricCode, metric_rule
from kt_translate.training.outputs import compiled_metrics

PLACE = Place(1)
NAMES = {"torch": torch, "F": F, "math": math, "partial": partial, "Tensor": Tensor}
NAMES |= {**vars(losses), **vars(metrics), **vars(metrics_counts)}
rng = np.random.default_rng(0)
SIZES = (7, 4)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(policy)


def metric(which: str, /, *args: Any, **kwargs: Any) -> KerasObject:
    return KerasObject(f"metrics.{which}", list(args), kwargs)


def translated(value: Any, loss: Any, output: OutputFacts) -> MetricCode:
    log = Log()
    code = metric_rule(value, loss, output, "3", log, PLACE)
    assert code is not None, log.diagnostics
    return code


def made(code: MetricCode) -> Any:
    names = dict(NAMES)
    body = "\n".join(f"    {line}" for line in code.body)
    exec(f"def make():\n{body}", names)
    result = names["make"]()
    assert type(result).__name__ == code.made
    return result


def live(value: Any) -> Any:
    if isinstance(value, str):
        return keras.metrics.get(value)
    name = value.path.split(".")[-1]
    if isinstance(value, KerasFunction):
        return keras.metrics.MeanMetricWrapper(getattr(keras.metrics, name))
    return getattr(keras.metrics, name)(*value.args, **value.kwargs)


Batch = tuple[np.ndarray, np.ndarray]
Data = Callable[[int], Batch]


def bits(n: int) -> Batch:
    return rng.uniform(size=(n, 1)), rng.integers(0, 2, size=(n, 1))


def flat_bits(n: int) -> Batch:
    return rng.uniform(size=(n, 1)), rng.integers(0, 2, size=n)


def many_bits(n: int) -> Batch:
    return rng.uniform(size=(n, 3)), rng.integers(0, 2, size=(n, 3))


def probabilities(*shape: int) -> np.ndarray:
    x = np.exp(rng.normal(size=shape))
    return np.asarray(x / x.sum(-1, keepdims=True))


def classes(n: int) -> Batch:
    return probabilities(n, 6), rng.integers(0, 6, size=n)


def column_classes(n: int) -> Batch:
    return probabilities(n, 6), rng.integers(0, 6, size=(n, 1))


def one_hot(n: int) -> Batch:
    return probabilities(n, 6), np.eye(6)[rng.integers(0, 6, size=n)]


def sequence_classes(n: int) -> Batch:
    return probabilities(n, n, 6), rng.integers(0, 6, size=(n, n))


def numbers(n: int) -> Batch:
    return rng.normal(size=(n, 3)), rng.normal(size=(n, 3))


def positive(n: int) -> Batch:
    return rng.uniform(0.1, 1, size=(n, 3)), rng.uniform(0.1, 1, size=(n, 3))


def tied(n: int) -> Batch:
    return rng.integers(0, 3, size=(n, 6)) / 2, rng.integers(0, 6, size=n)


def class_numbers(n: int) -> Batch:
    return rng.integers(0, 4, size=(n, 5)), rng.integers(-1, 3, size=(n, 5))


CASES: list[tuple[Any, Data]] = [
    ("binary_accuracy", bits),
    (metric("BinaryAccuracy", threshold=0.3), flat_bits),
    (metric("BinaryAccuracy"), many_bits),
    ("categorical_accuracy", one_hot),
    (metric("CategoricalAccuracy"), many_bits),
    ("sparse_categorical_accuracy", classes),
    (metric("SparseCategoricalAccuracy"), column_classes),
    (metric("SparseCategoricalAccuracy"), sequence_classes),
    (metric("TopKCategoricalAccuracy", k=2), one_hot),
    ("top_k_categorical_accuracy", one_hot),
    (metric("SparseTopKCategoricalAccuracy", 3), classes),
    (metric("SparseTopKCategoricalAccuracy", 2), tied),
    (metric("SparseTopKCategoricalAccuracy", 2), sequence_classes),
    (KerasFunction("metrics.mean_squared_error"), numbers),
    ("mse", numbers),
    ("mae", numbers),
    (metric("MeanAbsolutePercentageError"), positive),
    (metric("MeanSquaredLogarithmicError"), positive),
    (metric("RootMeanSquaredError"), numbers),
    (metric("CosineSimilarity"), numbers),
    (metric("LogCoshError"), numbers),
    (metric("Poisson"), positive),
    (metric("KLDivergence"), positive),
    (metric("Hinge"), many_bits),
    (metric("SquaredHinge"), many_bits),
    (metric("CategoricalHinge"), one_hot),
    (metric("BinaryCrossentropy"), many_bits),
    (metric("BinaryCrossentropy", from_logits=True, label_smoothing=0.1), numbers),
    (metric("CategoricalCrossentropy"), one_hot),
    (metric("SparseCategoricalCrossentropy"), classes),
    (metric("SparseCategoricalCrossentropy"), sequence_classes),
    (metric("AUC"), bits),
    (metric("AUC"), many_bits),
    (metric("AUC", num_thresholds=9, summation_method="minoring"), bits),
    (metric("AUC", curve="PR"), bits),
    (metric("AUC", curve="PR", summation_method="majoring"), bits),
    (metric("AUC", thresholds=[0.7, 0.2]), bits),
    (metric("AUC", multi_label=True), many_bits),
    (metric("AUC", multi_label=True, curve="PR"), many_bits),
    (metric("Precision"), bits),
    (metric("Precision", thresholds=[0.2, 0.6]), many_bits),
    (metric("Precision", top_k=1), one_hot),
    (metric("Recall"), flat_bits),
    (metric("Recall", class_id=2), one_hot),
    (metric("Recall", top_k=2, class_id=1), one_hot),
    (metric("TruePositives"), bits),
    (metric("FalsePositives", 0.3), bits),
    (metric("TrueNegatives"), many_bits),
    (metric("FalseNegatives", thresholds=[0.1, 0.5, 0.8]), many_bits),
    (metric("MeanIoU", num_classes=4), class_numbers),
    (metric("MeanIoU", 4, ignore_class=2), class_numbers),
    (metric("MeanIoU", num_classes=6, sparse_y_pred=False), classes),
    (metric("IoU", num_classes=4, target_class_ids=[0, 2]), class_numbers),
    (metric("BinaryIoU", target_class_ids=[1], threshold=0.4), bits),
    (metric("OneHotMeanIoU", num_classes=6), one_hot),
    (metric("OneHotIoU", num_classes=6, target_class_ids=[1, 3]), one_hot),
    (metric("F1Score"), one_hot),
    (metric("F1Score", average="weighted", threshold=0.2), one_hot),
    (metric("FBetaScore", average="micro", beta=2.0, threshold=0.5), many_bits),
    (metric("R2Score"), numbers),
    (metric("R2Score", class_aggregation=None), numbers),
    (metric("R2Score", "variance_weighted_average", 2), numbers),
]


def facts(x: np.ndarray) -> OutputFacts:
    return OutputFacts(None, x.ndim, x.shape[-1])


@pytest.mark.parametrize(("value", "data"), CASES, ids=str)
def test_metric(value: Any, data: Data) -> None:
    batches = [data(n) for n in SIZES]
    ours, theirs = made(translated(value, None, facts(batches[0][0]))), live(value)
    for output, target in batches:
        if "Top" in str(value) or "top" in str(value):
            output = output.astype("float32")  # TensorFlow's in_top_k takes nothing else
        ours.update(torch.tensor(output), torch.tensor(target))
        theirs.update_state(target, output)
    # Keras computes these, and log(2) for logcosh, in float32.
    single = any(name in str(value) for name in ("IoU", "LogCosh", "Top", "top"))
    tolerance = 1e-7 if single else 1e-9
    np.testing.assert_allclose(
        ours.compute(), np.array(theirs.result()), rtol=tolerance, atol=1e-12
    )


@pytest.mark.parametrize("data", [bits, flat_bits, many_bits, classes, column_classes, one_hot])
def test_accuracy_without_a_known_loss_goes_by_shapes(data: Data) -> None:
    output, target = data(9)
    ours = made(translated("accuracy", None, OutputFacts(None, 2, None)))
    ours.update(torch.tensor(output), torch.tensor(target))
    theirs = keras.src.trainers.compile_utils.get_metric("accuracy", target, output)
    theirs.update_state(target, output)
    assert ours.compute() == pytest.approx(float(theirs.result()), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "classes", "function"),
    [
        ("sparse_categorical_crossentropy", 10, "sparse_categorical_accuracy"),
        ("categorical_crossentropy", 10, "categorical_accuracy"),
        ("binary_crossentropy", 10, "categorical_accuracy"),
        ("binary_crossentropy", 1, "binary_accuracy"),
        ("mse", 1, "binary_accuracy"),
        (None, 10, "accuracy_by_shape"),
    ],
)
def test_accuracy_is_what_loss_and_shape_make_of_it(loss: Any, classes: int, function: str) -> None:
    code = translated("acc", loss, OutputFacts(None, 2, classes))
    assert code.body == [f"return MeanMetric({function})"]
    assert code.name == "acc"
    assert code.factory == "make_acc"


def test_channels_first_outputs_have_classes_second() -> None:
    output = OutputFacts(None, 4, 5, channels_first=True)
    x, target = probabilities(3, 4, 6, 5), rng.integers(0, 5, size=(3, 4, 6))
    for value, name in [
        ("accuracy", "sparse_categorical_accuracy"),
        (metric("SparseTopKCategoricalAccuracy", 2), None),
    ]:
        ours = made(translated(value, "sparse_categorical_crossentropy", output))
        theirs = live(value if name is None else name)
        x = x.astype("float32")
        ours.update(torch.tensor(np.moveaxis(x, -1, 1)), torch.tensor(target))
        theirs.update_state(target, x)
        assert ours.compute() == pytest.approx(float(theirs.result()), rel=1e-7)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("acc", "acc"),
        ("mse", "mse"),
        ("RootMeanSquaredError", "RootMeanSquaredError"),
        (metric("AUC"), "auc"),
        (metric("AUC", name="area"), "area"),
        (metric("MeanSquaredError"), "mean_squared_error"),
        (metric("MeanIoU", 3), "mean_io_u"),
        (metric("LogCoshError"), "logcosh"),
        (KerasFunction("metrics.mean_squared_error"), "mean_squared_error"),
    ],
)
def test_names_are_keras_own(value: Any, name: str) -> None:
    assert translated(value, "mse", OutputFacts(None, 2, 3)).name == name
    if isinstance(value, KerasObject):
        assert re.fullmatch(rf"{name}(_\d+)?", live(value).name)


TWO = {"digit": OutputFacts(None, 2, 10), "odd": OutputFacts(None, 2, 1)}


def names_of(metrics: Any, outputs: dict[str, OutputFacts] = TWO, flavour: str = "3") -> list[str]:
    log = Log()
    given = {"metrics": metrics, "loss": ["sparse_categorical_crossentropy", "mse"]}
    found = compiled_metrics(given, outputs, False, flavour, log, PLACE)
    assert not log.diagnostics
    return [code.name for code in found]


def test_metrics_of_several_outputs() -> None:
    assert names_of({"odd": ["mae", "mae"]}) == ["odd_mae", "odd_mae_1"]
    assert names_of([["accuracy"], ["mse"]]) == ["digit_accuracy", "odd_mse"]
    assert names_of(["accuracy", "mse"]) == ["digit_accuracy", "odd_mse"]
    assert names_of([None, ["mse"]]) == ["odd_mse"]
    assert names_of(["mae"]) == ["digit_mae", "odd_mae"]
    assert names_of(["mae", "mse"], flavour="2")[:3] == ["digit_mae", "digit_mse", "odd_mae"]
    assert names_of(None) == []


def test_a_metric_of_one_output_takes_all_of_them() -> None:
    given = {"metrics": {"odd": "accuracy"}, "loss": "mse"}
    (code,) = compiled_metrics(given, TWO, False, "3", Log(), PLACE)
    ours = made(code)
    outputs = (torch.zeros(4, 10), torch.tensor([[0.9], [0.2], [0.7], [0.1]]))
    ours.update(outputs, (torch.zeros(4), torch.tensor([1, 0, 0, 0])))
    assert ours.compute() == 0.75


@pytest.mark.parametrize(
    "value",
    [metric("AUC", curve="PRGAIN"), metric("Mean"), "my_metric", 3, metric("Precision", nothing=1)],
)
def test_what_is_not_known_is_left_out_and_said(value: Any) -> None:
    log = Log()
    assert metric_rule(value, "mse", OutputFacts(None, 2, 3), "3", log, PLACE) is None
    (diagnostic,) = log.diagnostics
    assert diagnostic.code == "KT503"
