"""Does a translation compute what its source computes?

The parity tests that are written beside translations consist of this file's definitions, below a head that says what
they test. Here stand, under names of their own, also those that only some need: see `kt_translate/emit/parity.py`.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.overrides import TorchFunctionMode

OUTPUT = Path(__file__).parent / "output.py"
MODULE = "output"
TOLERANCE = 1e-9
CASES: list[dict[str, Any]] = []
SOURCE = ""
MODULES: dict[str, str] = {}
PACKAGE = ""

# --- What both compute is compared with these -----------------------------------------------------

DROPOUTS = {
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
}
NOISE = {"randn", "randn_like"}
RANDOM = {"rand", "rand_like", "randint", "randperm", "bernoulli", "bernoulli_", "multinomial"}
RANDOM |= {"normal", "normal_", "uniform_", "rrelu"}
IDLE = (
    "fit",
    "fit_generator",
    "evaluate",
    "predict",
    "summary",
    "save",
    "save_weights",
    "load_weights",
)
STEPS = 5

runnable = [pytest.param(case, id=case["name"]) for case in CASES if "skip" not in case]


@pytest.mark.parametrize("floatx", ["float64", "float32"])
@pytest.mark.parametrize("case", runnable)
def test_every_layer(case: dict[str, Any], floatx: str) -> None:
    """The outputs of all layers in evaluation mode."""
    check_outputs(case, floatx, training=False)


@pytest.mark.parametrize("floatx", ["float64", "float32"])
@pytest.mark.parametrize("case", runnable)
def test_gradients(case: dict[str, Any], floatx: str) -> None:
    """The gradients of a weighted sum of the outputs, by the inputs and by all weights."""
    check_gradients(case, floatx, training=False)


@pytest.mark.parametrize("case", runnable)
def test_training_mode(case: dict[str, Any]) -> None:
    """Batch statistics, and what they leave behind. Dropout is off, and noise is zero."""
    check_outputs(case, "float64", training=True)
    check_gradients(case, "float64", training=True)
    check_statistics(case, "float64" if hasattr(keras, "Operation") else "float32")


@pytest.mark.parametrize("case", [p for p in runnable if "training" in p.values[0]])
def test_steps_of_training(case: dict[str, Any]) -> None:
    """Loss and weights in five steps of the optimizer, against `train_on_batch`."""
    check_training(case, "float64")


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in CASES if "skip" in c])
def test_is_left_out(case: dict[str, Any]) -> None:
    pytest.skip(case["skip"])


def check_outputs(case: dict[str, Any], floatx: str, training: bool) -> None:
    theirs, ours = both(case, floatx)
    want, got = theirs.run(training), ours.run(training)
    assert len(got.outputs) == len(want.outputs), "another number of outputs"
    errors = [
        error(a, ours.permuted(i, b)) for i, (a, b) in enumerate(zip(got.outputs, want.outputs))
    ]
    wrong = want.unlike(got.steps, tolerance(floatx)) if floatx == "float64" else None
    if max(errors, default=0) > tolerance(floatx):
        i = int(np.argmax(errors))
        wrong = wrong or want.unlike(got.steps, tolerance(floatx))
        pytest.fail(
            f"output {i} differs by {told(errors[i])}{ours.place(wrong, got, want)}", pytrace=False
        )
    if wrong is not None and wrong.weighted:
        pytest.fail(f"a layer differs{ours.place(wrong, got, want)}", pytrace=False)


def check_gradients(case: dict[str, Any], floatx: str, training: bool) -> None:
    theirs, ours = both(case, floatx)
    want, got = theirs.run(training), ours.run(training)
    limit = 50 * tolerance(floatx)
    floor = 1e-4 * max((np.abs(g).max(initial=0) for g in want.weight_gradients), default=0)
    wrong = []
    expected = ours.loaded(want.weight_gradients)
    for name, parameter in ours.module.named_parameters():
        if parameter.requires_grad and ours.origin(name):
            value = error(
                got.weight_gradients[name], expected[name], floor, mean=floatx == "float32"
            )
            if value > limit:
                wrong.append((max(want.position(i) for i in ours.origin(name)), name, value))
    if wrong:
        _, name, value = max(wrong)
        text = f"the gradient of `{name}` ({ours.keras_names(name)}) differs by {told(value)}"
        if len(wrong) > 1:
            text += f"; so do those of {len(wrong) - 1} weights before it"
        pytest.fail(text + ": what comes after that layer is at fault", pytrace=False)
    for i, (a, b) in enumerate(zip(got.input_gradients, want.input_gradients)):
        if a is not None and b is not None:
            permute = case["inputs"][i]["permute"]
            b = np.transpose(b, permute) if permute else b
            value = error(a, b, 1e-2 * floor, mean=floatx == "float32")
            assert value <= limit, f"the gradient of input {i} differs by {told(value)}"


def check_statistics(case: dict[str, Any], floatx: str) -> None:
    theirs, ours = both(case, floatx)
    want, got = theirs.run(training=True), ours.run(training=True)
    expected = ours.loaded(want.weights)
    for name, value in got.state.items():
        if ours.origin(name):
            off = error(value, expected[name], 1e-3)
            text = (
                f"`{name}` ({ours.keras_names(name)}) differs by {told(off)} after a training step"
            )
            assert off <= tolerance(floatx), text


def check_training(case: dict[str, Any], floatx: str) -> None:
    theirs, ours = both(case, floatx)
    targets, losses, weights = theirs.trained()
    names = case["training"]
    for step, (loss, state) in enumerate(ours.trained(targets, names)):
        off = abs(loss - losses[step]) / max(abs(losses[step]), 1e-6)
        where = f"step {step + 1} of training"
        if off > (100 if step else 10) * tolerance(floatx):
            at = f"the loss, `{names['loss']}` on `{names['loss_on']}()`, or the regularization"
            text = f"Keras has {losses[step]:.9g}, the translation {loss:.9g}"
            pytest.fail(f"{where}: {at} differs by {told(off)}: {text}", pytrace=False)
        expected = ours.loaded(weights[step])
        floor = 1e-2 * max((np.abs(v).max(initial=0) for v in expected.values()), default=0)
        trained = [
            n for n, p in ours.module.named_parameters() if p.requires_grad and ours.origin(n)
        ]
        offs = {n: error(state[n], expected[n], floor) for n in trained}
        name = max(offs, key=lambda n: offs[n], default="")
        if name and offs[name] > 100 * tolerance(floatx):
            text = f"`{names['optimizer']}`" + (
                f" with `{names['scheduler']}`" if names["scheduler"] else ""
            )
            text += f" moves `{name}` ({ours.keras_names(name)}) otherwise, by {told(offs[name])}"
            pytest.fail(f"{where}: the optimizer {text}", pytrace=False)


def tolerance(floatx: str) -> float:
    return TOLERANCE if floatx == "float64" else 3e-4


def told(value: float) -> str:
    return f"{value:.1e} of its size" if np.isfinite(value) else "its shape"


def error(got: np.ndarray, want: np.ndarray, floor: float = 0.0, mean: bool = False) -> float:
    """The difference in units of the largest number; infinite for another shape."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        return float("inf")
    if not want.size:
        return 0.0
    got, want = got.astype("float64"), want.astype("float64")
    if mean:
        return float(np.linalg.norm(got - want) / max(np.linalg.norm(want), 1e-3 * want.size**0.5))
    off = np.where((got == want) | (np.isnan(got) & np.isnan(want)), 0, np.abs(got - want)).max()
    finite = np.abs(want[np.isfinite(want)]).max(initial=0)
    return float(np.nan_to_num(off / max(finite, floor, 1e-30), nan=np.inf))


def fingerprint(array: np.ndarray) -> np.ndarray:
    """Numbers that tell arrays apart, but not the order of the axes or of what is flattened."""
    flat = array.astype("float64").ravel()
    size = max(np.abs(flat).max(initial=0), 1e-30)
    scaled = flat / size
    return np.array([scaled.mean(), (scaled**2).mean(), (scaled**3).mean(), scaled.min(), size])


class Call:
    """One call of a Keras layer."""

    def __init__(self, layer: Any, parent: Call | None, given: list[Any]) -> None:
        self.layer, self.parent, self.given = layer, parent, given
        self.result: list[Any] = []
        self.values: list[np.ndarray] = []
        self.weighted = bool(getattr(layer, "weights", ())) and parent is not None
        self.matched = -1

    def finish(self, result: Any) -> None:
        self.result = [t for t in tf.nest.flatten(result) if tf.is_tensor(t)]
        values = [t.numpy() for t in self.result if hasattr(t, "numpy") and t.dtype.is_floating]
        self.values = [v for v in values if v.size]


class Run:
    """What one pass of either side gave."""

    def __init__(self) -> None:
        self.outputs: list[np.ndarray] = []
        self.input_gradients: list[np.ndarray | None] = []
        self.weight_gradients: Any = []
        self.weights: list[np.ndarray] = []
        self.state: dict[str, np.ndarray] = {}
        self.calls: list[Call] = []
        self.steps: list[tuple[np.ndarray, int]] = []
        self.owners: list[Any] = []
        self.idle: set[int] = set()

    def position(self, weight: int) -> int:
        """When the layer of a weight is called last."""
        layer = self.owners[weight]
        return max((i for i, call in enumerate(self.calls) if call.layer is layer), default=-1)

    def unlike(self, steps: list[tuple[np.ndarray, int]], limit: float) -> Call | None:
        """The first layer whose output the translation lacks and no later one makes up for."""
        prints: dict[int, list[tuple[np.ndarray, int]]] = {}
        for i, (array, _) in enumerate(steps):
            prints.setdefault(array.size, []).append((fingerprint(array), i))
        for call in self.calls:
            call.matched = -1
            for value in call.values[:1]:
                mark = fingerprint(value)
                close = 10 * limit * np.array([1.0, 1.0, 1.0, 1.0, mark[-1]])
                found = (
                    i for f, i in prints.get(value.size, ()) if (np.abs(f - mark) <= close).all()
                )
                call.matched = next(found, -1)
        good = {id(c) for c in self.calls if c.matched >= 0 or not c.values}
        reached = {id(t) for c in self.calls if c.matched >= 0 for t in c.given}
        for call in reversed(self.calls):
            if id(call) not in good and reached & {id(t) for t in call.result} - {
                id(t) for t in call.given
            }:
                good.add(id(call))
                reached |= {id(t) for t in call.given}

        def inside(call: Call) -> bool:
            """Whether it is a part, at any depth, of a layer that the translation has."""
            within = call.parent
            return bool(within and within.parent) and (id(within) in good or inside(within))

        wanted = (c for c in self.calls if id(c) not in good and id(c.layer) not in self.idle)
        return next((c for c in wanted if not inside(c)), None)


# --- Keras ----------------------------------------------------------------------------------------


@contextmanager
def precision(floatx: str) -> Iterator[None]:
    """Keras and torch make and compute everything in this precision."""
    before, policy = keras.backend.floatx(), keras.mixed_precision.global_policy()
    keras.backend.set_floatx(floatx)
    keras.mixed_precision.set_global_policy(floatx)
    default = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, floatx))
    try:
        yield
    finally:
        torch.set_default_dtype(default)
        keras.backend.set_floatx(before)
        keras.mixed_precision.set_global_policy(policy)


class SourceModules(MetaPathFinder, Loader):
    """Imports the other files of the source's project from MODULES."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        inside = [name for name in MODULES if name.startswith(f"{fullname}.")]
        if fullname not in MODULES and not inside:
            return None
        return ModuleSpec(fullname, self, is_package=bool(inside))

    def exec_module(self, module: ModuleType) -> None:
        scope = module.__dict__
        scope["failed"] = []
        run_statements(MODULES.get(module.__name__, ""), scope)


@contextmanager
def source_modules() -> Iterator[None]:
    """Within, the other files of the source's project can be imported, and are so anew."""
    names = {name for name in sys.modules if any(f"{m}.".startswith(f"{name}.") for m in MODULES)}
    before = {name: sys.modules.pop(name) for name in names}
    sys.meta_path.insert(0, finder := SourceModules())
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n, m in sys.modules.items() if getattr(m, "__loader__", None) is finder]:
            del sys.modules[name]
        sys.modules.update(before)


@cache
def source_scope(floatx: str) -> dict[str, Any]:
    """The names that SOURCE defines; statements that cannot run here are told in `failed`."""
    scope: dict[str, Any] = {"__name__": "source", "failed": [], "np": np, "argparse": argparse}
    scope["__package__"] = PACKAGE
    with precision(floatx), ExitStack() as stack:
        for method in IDLE:
            for cls in {keras.Model, keras.Sequential}:
                stack.enter_context(mock.patch.object(cls, method, mock.MagicMock(), create=True))
        run_statements(SOURCE, scope)
    return scope


def run_statements(text: str, scope: dict[str, Any]) -> None:
    for statement in ast.parse(text).body:
        try:
            exec(compile(ast.Module([statement], []), "SOURCE", "exec"), scope)
        except Exception as problem:
            shown = ast.unparse(statement).partition("\n")[0][:80]
            scope["failed"].append(f"`{shown}`: {type(problem).__name__}: {problem}"[:300])
            for name in made_by(statement):  # what is half made is worse than nothing
                scope.pop(name, None)


def made_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a value or changes; to compile a model is no change."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if isinstance(node, ast.Expr) and ast.unparse(node).split("(")[0].endswith(
            (".add", ".append")
        ):
            yield ast.unparse(node).split(".")[0]


@cache
def keras_side(name: str, floatx: str) -> KerasSide:
    return KerasSide(next(case for case in CASES if case["name"] == name), floatx)


def both(case: dict[str, Any], floatx: str) -> tuple[KerasSide, TorchSide]:
    theirs = keras_side(case["name"], floatx)
    if theirs.problem:
        pytest.skip(theirs.problem)
    return theirs, torch_side(case["name"], floatx)


@contextmanager
def nothing_random() -> Iterator[None]:
    """Dropout lets everything pass, and Gaussian noise is zero."""

    def kept(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return inputs

    def mean(
        shape: Any = None, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, **_: Any
    ) -> Any:
        dtype = getattr(dtype, "name", dtype) or keras.backend.floatx()
        return tf.fill(shape, tf.cast(mean, dtype)) + tf.cast(0, dtype)

    patches = [(tf.nn, "dropout", kept), (tf.random, "normal", mean)]
    patches.append((keras.backend, "random_normal", mean))
    if hasattr(keras, "Operation"):
        from keras.src.backend import random  # what all layers of Keras 3 draw from

        patches += [(random, "dropout", kept), (random, "normal", mean)]
    with ExitStack() as stack:
        for owner, name, function in patches:
            if hasattr(owner, name):
                stack.enter_context(mock.patch.object(owner, name, function))
        yield


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """The calls of Keras layers, in the order in which they end."""
    base = getattr(keras, "Operation", keras.layers.Layer)
    original = base.__call__
    calls: list[Call] = []
    open_calls: list[Call] = []

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = [t for t in tf.nest.flatten([args, kwargs]) if tf.is_tensor(t)]
        open_calls.append(Call(self, open_calls[-1] if open_calls else None, given))
        try:
            result = original(self, *args, **kwargs)
        finally:
            ended = open_calls.pop()
        ended.finish(result)
        calls.append(ended)
        return result

    with mock.patch.object(base, "__call__", call):
        yield calls


class KerasSide:
    """A Keras model of the source with random weights and inputs, and what it computes."""

    def __init__(self, case: dict[str, Any], floatx: str) -> None:
        self.case, self.floatx, self.problem = case, floatx, ""
        self.rng = np.random.default_rng(0)
        self.runs: dict[bool, Run] = {}
        self.steps: Any = None
        with source_modules(), precision(floatx):
            scope = source_scope(floatx)
            try:
                self.model = eval(case["keras"], {"keras": keras, **scope})
                self.inputs = self.make_inputs()
            except Exception as problem:
                text = "; ".join([f"{type(problem).__name__}: {problem}"[:500], *scope["failed"]])
                self.problem = f"Keras does not build {case['name']} here: {text}"
                return
        if hasattr(self.model, "_flatten_layers"):
            self.layers = list(self.model._flatten_layers())
        self.weights = list(self.model.weights)
        for layer in self.layers:
            for setting in ("rate", "dropout", "recurrent_dropout", "stddev"):
                alone = type(layer).__name__ == "AlphaDropout" or not hasattr(keras, "Operation")
                if alone and isinstance(getattr(layer, setting, None), float):
                    with suppress(AttributeError):  # of a recurrent layer: its cell has it
                        setattr(layer, setting, 0.0)
        self.start = [self.random_weight(weight) for weight in self.weights]
        self.calibrate()

    # -- inputs and weights ---------------------------------------------------------------------
    def make_inputs(self) -> list[np.ndarray]:
        """Random inputs, of odd sizes where the model leaves them open; to call it builds it."""
        ports = self.ports()
        is_open = any(None in shape[1:] for shape, _ in ports)
        problem: Exception | None = None
        for sizes in (
            (9, 7, 5),
            (21, 19, 17),
            (33, 47, 33),
            (32, 48, 32),
            (64, 96, 64),
            (224, 224),
        ):
            shapes = []
            for shape, _ in ports:
                free = iter(sizes)
                shapes.append([shape[0] or 3, *(next(free) if d is None else d for d in shape[1:])])
            arrays = [
                self.rng.integers(0, 2, size=s).astype(dtype)
                for s, (_, dtype) in zip(shapes, ports)
            ]
            try:
                with recorded() as calls:
                    self.call([tf.constant(a) for a in arrays], training=False)
                if is_open and any(0 in t.shape for call in calls for t in call.result):
                    raise ValueError("for inputs of this size a layer gives nothing")
            except Exception as error:
                problem = problem or error
                if not is_open:
                    break
                continue
            return [self.values(array, calls) for array in arrays]
        assert problem is not None
        raise problem

    def ports(self) -> list[tuple[list[int | None], str]]:
        """Shape and type of every input, in the order in which the module takes them."""
        symbolic = tf.nest.flatten(getattr(self.model, "inputs", None) or [])
        if not symbolic:
            return [([None, *p["shape"][1:]], self.dtype(p["dtype"])) for p in self.case["inputs"]]
        return [(list(t.shape), self.dtype(getattr(t.dtype, "name", t.dtype))) for t in symbolic]

    def dtype(self, name: str) -> str:
        return self.floatx if name.startswith(("float", "bfloat")) else name

    def values(self, array: np.ndarray, calls: list[Call]) -> np.ndarray:
        """Random numbers; what an embedding looks up is within the vocabulary, with padding."""
        kinds = {type(call.layer).__name__: call.layer for call in calls}
        limits = [getattr(c.layer, n, None) for c in calls for n in ("input_dim", "num_tokens")]
        tokens = array.dtype.kind in "iu" or any(
            type(call.layer).__name__ == "Embedding"
            and any(t.shape == array.shape and np.array_equal(t, array) for t in call.given)
            for call in calls
        )
        if array.dtype.kind == "b":
            return array
        if tokens:
            vocabulary = min([n for n in limits if isinstance(n, int)], default=2)
            result = self.rng.integers(min(1, vocabulary - 1), vocabulary, size=array.shape)
            if array.ndim > 1 and array.shape[1] > 2:
                for row, length in enumerate(
                    self.rng.integers(1, array.shape[1], size=len(result) - 1)
                ):
                    result[row, length:] = 0
                result[0, 0] = 0
            return result.astype(array.dtype)
        result = self.rng.normal(size=array.shape)
        if "Masking" in kinds and array.ndim == 3:
            result[0, array.shape[1] // 2 :] = kinds["Masking"].mask_value
        return result.astype(array.dtype)

    def random_weight(self, weight: Any) -> np.ndarray:
        """Numbers that keep the sizes of activations, so that nothing saturates."""
        value = weight.numpy()
        if value.dtype.kind != "f":
            return value
        name = getattr(weight, "path", None) or weight.name
        last = name.rpartition("/")[2]
        if "variance" in last or "gamma" in last or last.startswith("scale"):
            return self.rng.uniform(0.5, 1.5, size=value.shape).astype(value.dtype)
        scale = 0.3
        if "embedding" in last:
            scale = 0.7
        elif value.ndim > 1:
            fan_in = np.prod(value.shape[: 2 if "depthwise" in last else -1])
            scale = min(1.0, 1.2 * fan_in**-0.5)
        return (scale * self.rng.normal(size=value.shape)).astype(value.dtype)

    def calibrate(self) -> None:
        """Moving statistics near those of a batch: with others, a deep network saturates."""
        norms = [layer for layer in self.layers if hasattr(layer, "moving_variance")]
        before = [(layer.momentum, layer.trainable) for layer in norms]
        self.assign(self.start)
        for layer in norms:
            layer.momentum, layer.trainable = 0.0, True
        with precision(self.floatx), nothing_random(), suppress(Exception):
            if norms:
                self.call([tf.constant(array) for array in self.inputs], training=True)
        for layer, (momentum, trainable) in zip(norms, before):
            layer.momentum, layer.trainable = momentum, trainable
        moving = {id(w) for layer in norms for w in (layer.moving_mean, layer.moving_variance)}
        for i, weight in enumerate(self.weights):
            value = weight.numpy()
            if id(weight) in moving and np.isfinite(value).all():
                off = self.rng.uniform(0.7, 1.3, size=value.shape)
                floor = 1e-2 if "variance" in self.weight_name(i) else 0.0
                self.start[i] = (off * value + floor).astype(value.dtype)

    def assign(self, values: list[np.ndarray]) -> None:
        for weight, value in zip(self.weights, values):
            weight.assign(value)
        for layer in self.layers:
            if hasattr(layer, "adapt_mean") and hasattr(layer, "finalize_state"):
                layer.finalize_state()

    def thaw(self) -> None:
        """Let a model be trained by itself that the source froze later, as a part of another."""
        if self.weights and not self.model.trainable:
            self.model.trainable = True

    def weight_name(self, index: int) -> str:
        weight = self.weights[index]
        return getattr(weight, "path", None) or weight.name

    # -- passes ---------------------------------------------------------------------------------
    def call(self, tensors: list[Any], training: bool) -> Any:
        given = self.structured(tensors)
        try:
            return self.model(*given, training=training)
        except TypeError as problem:
            if "training" not in str(problem):
                raise
            return self.model(*given)

    def structured(self, tensors: list[Any]) -> tuple[Any, ...]:
        """The arguments of the model's call."""
        structure = getattr(
            self.model, "_inputs_struct", getattr(self.model, "_nested_inputs", None)
        )
        if isinstance(structure, dict):
            return (tf.nest.pack_sequence_as(structure, tensors),)
        if structure is None and len(tensors) > 1:
            inner = ("training", "mask", "args", "kwargs")
            names = [n for n in inspect.signature(self.model.call).parameters if n not in inner]
            if len(names) >= len(tensors):
                return tuple(tensors)
        return (tensors[0] if len(tensors) == 1 else tensors,)

    def run(self, training: bool) -> Run:
        if training not in self.runs:
            with precision(self.floatx), nothing_random(), recorded() as calls:
                self.runs[training] = self.passed(training)
            self.runs[training].calls = calls
        return self.runs[training]

    def passed(self, training: bool) -> Run:
        self.assign(self.start)
        run = Run()
        given = [tf.constant(a) for a in self.inputs]
        floats = [t for t in given if t.dtype.is_floating]
        variables = [w if isinstance(w, tf.Variable) else w.value for w in self.weights]
        with tf.GradientTape() as tape:
            tape.watch(floats)
            outputs = tf.nest.flatten(self.call(given, training))
            run.outputs = [y.numpy() for y in outputs]
            weighted = [
                tf.reduce_sum(y * factors(i, y.shape, self.floatx))
                for i, y in enumerate(outputs)
                if y.dtype.is_floating
            ]
            total = sum(tf.cast(value, self.floatx) for value in weighted)
        if weighted:
            gradients = tape.gradient(total, [floats, variables])
            by_input = iter(
                None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in gradients[0]
            )
            run.input_gradients = [next(by_input) if t.dtype.is_floating else None for t in given]
            run.weight_gradients = [
                np.zeros(w.shape, start.dtype) if g is None else np.asarray(tf.convert_to_tensor(g))
                for w, g, start in zip(self.weights, gradients[1], self.start)
            ]
        run.weights = [weight.numpy() for weight in self.weights]
        own = [(layer, {id(w) for w in layer.weights}) for layer in reversed(self.layers)]
        own.sort(key=lambda item: len(item[1]))
        run.owners = [next((o for o, ids in own if id(w) in ids), None) for w in self.weights]
        if weighted:  # layers on which no output depends are called in vain
            reached = {id(o) for o, g in zip(run.owners, gradients[1]) if g is not None}
            run.idle = {id(o) for o, w in zip(run.owners, self.weights) if w.trainable} - reached
        return run

    def trained(self) -> tuple[list[np.ndarray], list[float], list[list[np.ndarray]]]:
        """Targets, and the losses and weights of all steps."""
        if self.steps is None:
            if getattr(self.model, "optimizer", None) is None:
                pytest.skip(f"{self.case['name']} is not compiled by the statements that run here")
            outputs = self.run(training=False).outputs
            with precision(self.floatx), nothing_random():
                self.assign(self.start)
                try:
                    self.steps = self.train([self.target(i, y) for i, y in enumerate(outputs)])
                except (ValueError, TypeError, tf.errors.InvalidArgumentError) as problem:
                    self.steps = (
                        f"Keras does not train {self.case['name']} on made-up targets: {problem}"[
                            :500
                        ]
                    )
        if isinstance(self.steps, str):
            pytest.skip(self.steps)
        return self.steps

    def train(self, targets: list[np.ndarray]) -> Any:
        self.model.run_eagerly = True
        self.model.jit_compile = False
        (x,) = self.structured(self.inputs)
        y: Any = targets[0] if len(targets) == 1 else targets
        losses, weights = [], []
        for _ in range(STEPS):
            self.model.reset_metrics()
            logs = self.model.train_on_batch(x, y)
            losses.append(float(np.ravel(logs)[0]))
            weights.append([weight.numpy() for weight in self.weights])
        return targets, losses, weights

    def target(self, index: int, output: np.ndarray) -> np.ndarray:
        """A target that suits the loss of an output."""
        loss = self.model.loss
        if isinstance(loss, dict):
            names = list(getattr(self.model, "output_names", loss))
            loss = loss.get(names[index]) if index < len(names) else None
        elif isinstance(loss, (list, tuple)):
            loss = loss[index]
        if not isinstance(loss, str):
            loss = (
                getattr(loss, "name", None)
                or getattr(loss, "__name__", None)
                or type(loss).__name__
            )
        kind = str(loss).lower()
        if "sparse" in kind:
            return self.rng.integers(0, output.shape[-1], size=output.shape[:-1])
        values = self.rng.uniform(0.1, 0.9, size=output.shape)
        if "categorical" in kind or "kl" in kind or "kullback" in kind:
            values = values / values.sum(axis=-1, keepdims=True)
        elif "binary" in kind or "hinge" in kind:
            values = np.round(values) * (2 if "hinge" in kind else 1) - ("hinge" in kind)
        return values.astype(self.floatx)


def factors(index: int, shape: Any, floatx: str) -> np.ndarray:
    """With what the elements of an output go into the number that gradients are taken of."""
    return np.random.default_rng(index + 1).normal(size=tuple(shape)).astype(floatx)


# --- PyTorch --------------------------------------------------------------------------------------


@cache
def code_of_output() -> str:
    """The code of the translation."""
    return OUTPUT.read_text(encoding="utf-8")


@cache
def code_of_notebook() -> str:
    """The code of the notebook, support code last."""
    cells = json.loads(OUTPUT.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n\n".join(sorted(code, key=lambda text: text.startswith("# --- ")))


@cache
def translated() -> ModuleType:
    spec = importlib.util.spec_from_file_location(OUTPUT.stem, OUTPUT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[OUTPUT.stem] = module
    spec.loader.exec_module(module)
    return module


@cache
def translated_notebook() -> ModuleType:
    module = ModuleType(OUTPUT.stem)
    sys.modules[OUTPUT.stem] = module
    exec(compile(code_of_output(), str(OUTPUT), "exec"), module.__dict__)
    return module


@cache
def translated_module() -> ModuleType:
    sys.path.insert(0, str(OUTPUT.parents[MODULE.count(".")]))
    return importlib.import_module(MODULE)


@cache
def translated_in_package() -> ModuleType:
    package = ModuleType(f"{__name__}_translation")
    package.__path__ = [str(OUTPUT.parents[MODULE.count(".")])]
    sys.modules[package.__name__] = package
    return importlib.import_module(f"{package.__name__}.{MODULE}")


@cache
def torch_side(name: str, floatx: str) -> TorchSide:
    return TorchSide(keras_side(name, floatx))


class Steps(TorchFunctionMode):
    """Notes all tensors that come about, and the line of the translation that makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[np.ndarray, int]] = []
        self.random = ""
        text = code_of_output().partition("\n# --- ")[0]
        self.last_line = text.count("\n") + 1

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in DROPOUTS:
            return args[0] if args else kwargs["input"]
        if name in NOISE:
            kwargs.pop("generator", None)
            return (torch.zeros if name == "randn" else torch.zeros_like)(*args, **kwargs)
        if name in RANDOM:
            self.random = f"{name}(), line {self.line()}"
        if "dropout_p" in kwargs:
            kwargs["dropout_p"] = 0.0
        result = func(*args, **kwargs)
        self.note(result)
        return result

    def note(self, result: Any) -> None:
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(value, (tuple, list)):
                self.note(value)
            elif isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
                with torch._C.DisableTorchFunction():
                    self.steps.append((value.detach().cpu().numpy().copy(), self.line()))

    def line(self) -> int:
        frame: Any = sys._getframe(1)
        found = 0
        while frame is not None:
            if frame.f_code.co_filename == str(OUTPUT):
                if frame.f_lineno <= self.last_line:
                    return frame.f_lineno
                found = found or frame.f_lineno
            frame = frame.f_back
        return found


class TorchSide:
    """The translation of a model, with the weights of the Keras model."""

    def __init__(self, theirs: KerasSide) -> None:
        self.case, self.floatx, self.theirs = theirs.case, theirs.floatx, theirs
        self.out = translated()
        self.runs: dict[bool, Run] = {}
        with precision(self.floatx):
            self.module = eval(self.case["torch"], dict(vars(self.out)))
            self.module.to(getattr(torch, self.floatx))
            numbered = [
                np.full_like(a, i + 1) if a.dtype.kind == "f" else a
                for i, a in enumerate(theirs.start)
            ]
            self.origins = {
                name: sorted({int(v) - 1 for v in np.unique(value) if v > 0 and v == int(v)})
                for name, value in self.loaded(numbered).items()
                if value.dtype.kind == "f"
            }
            theirs.assign(theirs.start)
            self.out.load_keras_weights(self.module, theirs.model)
            if all(p.requires_grad for p in self.module.parameters()):
                theirs.thaw()
        self.start = copy.deepcopy(self.module.state_dict())

    def loaded(self, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays of the Keras weights as the module would have them."""
        if not weights:
            return {}
        other = copy.deepcopy(self.module)
        self.theirs.assign(weights)
        self.out.load_keras_weights(other, self.theirs.model)
        self.theirs.assign(self.theirs.start)
        return {name: value.detach().numpy() for name, value in other.state_dict().items()}

    def origin(self, name: str) -> list[int]:
        """Of which Keras weights a parameter is made."""
        return self.origins.get(name, [])

    def keras_names(self, name: str) -> str:
        return "Keras's " + ", ".join(self.theirs.weight_name(i) for i in self.origin(name))

    def permuted(self, index: int, output: np.ndarray) -> np.ndarray:
        permute = self.case["outputs"][index]
        return np.transpose(output, permute) if permute else output

    def tensor(self, array: np.ndarray, permute: list[int] | None = None) -> torch.Tensor:
        return torch.from_numpy(
            np.ascontiguousarray(np.transpose(array, permute) if permute else array)
        )

    def given(self) -> list[torch.Tensor]:
        return [
            self.tensor(a, p["permute"]) for a, p in zip(self.theirs.inputs, self.case["inputs"])
        ]

    def run(self, training: bool) -> Run:
        if training not in self.runs:
            with precision(self.floatx):
                self.runs[training] = self.passed(training)
        return self.runs[training]

    def passed(self, training: bool) -> Run:
        run = Run()
        self.module.load_state_dict(self.start)
        self.module.train(training)
        self.module.zero_grad()
        given = [t.requires_grad_() if t.is_floating_point() else t for t in self.given()]
        with Steps() as mode:
            handles = [
                m.register_forward_hook(lambda _m, _i, result: mode.note(result))
                for m in self.module.modules()
            ]
            try:
                result = self.module(*given)
            except Exception as problem:
                with torch._C.DisableTorchFunction():
                    self.explain(problem, mode.steps, training)
                raise
            finally:
                for handle in handles:
                    handle.remove()
        if mode.random:
            pytest.skip(f"{self.case['name']} draws random numbers: {OUTPUT.name}: {mode.random}")
        outputs = flat(result)
        run.steps = [
            *((t.detach().numpy(), 0) for t in given if t.is_floating_point()),
            *mode.steps,
        ]
        run.outputs = [y.detach().numpy() for y in outputs]
        total = sum(
            (
                y
                * self.tensor(
                    factors(i, self.theirs.run(training).outputs[i].shape, self.floatx),
                    self.case["outputs"][i],
                )
            ).sum()
            for i, y in enumerate(outputs)
            if y.is_floating_point()
        )
        if isinstance(total, torch.Tensor) and total.requires_grad:
            total.backward()
        run.input_gradients = [None if t.grad is None else t.grad.numpy() for t in given]
        run.weight_gradients = {
            name: np.zeros(p.shape) if p.grad is None else p.grad.numpy().copy()
            for name, p in self.module.named_parameters()
        }
        run.state = {name: v.numpy().copy() for name, v in self.module.state_dict().items()}
        return run

    def explain(
        self, problem: Exception, steps: list[tuple[np.ndarray, int]], training: bool
    ) -> None:
        """Say which layer was the first to differ before the translation raised."""
        want, got = self.theirs.run(training), Run()
        got.steps = steps
        wrong = want.unlike(steps, tolerance(self.floatx))
        pytest.fail(f"{type(problem).__name__}: {problem}{self.place(wrong, got, want)}")

    def trained(
        self, targets: list[np.ndarray], names: dict[str, Any]
    ) -> Iterator[tuple[float, dict[str, np.ndarray]]]:
        """The loss and the weights after it, step by step."""
        with precision(self.floatx), Steps():
            self.module.load_state_dict(self.start)
            self.module.train()
            optimizer = getattr(self.out, names["optimizer"])(self.module)
            scheduler = names["scheduler"] and getattr(self.out, names["scheduler"])(optimizer)
            loss_fn = getattr(self.out, names["loss"])
            forward = getattr(self.module, names["loss_on"])
            goals = [
                self.tensor(t, p if p and t.ndim == len(p) else None)
                for t, p in zip(targets, self.case["outputs"])
            ]
            found = []
            for _ in range(STEPS):
                optimizer.zero_grad()
                output = forward(*self.given())
                loss = loss_fn(output, like(output, goals))
                if hasattr(self.module, "regularization_loss"):
                    loss = loss + self.module.regularization_loss()
                loss.backward()
                optimizer.step()
                if scheduler:
                    scheduler.step()
                if hasattr(self.module, "apply_constraints"):
                    self.module.apply_constraints()
                state = {n: v.detach().numpy().copy() for n, v in self.module.state_dict().items()}
                found.append((loss.item(), state))
        yield from found

    def place(self, call: Call | None, got: Run, want: Run) -> str:
        """Which layer differs first, and where it stands in the translation."""
        if call is None:
            return "" if self.floatx == "float32" else "; every layer before it agrees"
        kind = type(call.layer).__name__
        text = f"; the first layer that differs is Keras's `{call.layer.name}` ({kind})"
        own = {id(w) for w in getattr(call.layer, "weights", ())}
        mine = [i for i, w in enumerate(self.theirs.weights) if id(w) in own]
        modules = [
            n.rpartition(".")[0] for n, found in self.origins.items() if set(found) & set(mine)
        ]
        if modules and own:
            text += f", here `{common_path(modules)}`"
        before = [
            c.matched for c in want.calls if {id(t) for t in c.result} & {id(t) for t in call.given}
        ]
        at = max([m for m in before if m >= 0], default=-1) + 1
        line = next((n for _, n in got.steps[at:] if n), 0)
        if line:
            code = code_of_output().splitlines()[line - 1].strip()
            text += f", near {OUTPUT.name}:{line}: {code}"
        return text


def flat(result: Any) -> list[torch.Tensor]:
    if isinstance(result, dict):
        return [t for value in result.values() for t in flat(value)]
    if isinstance(result, (tuple, list)):
        return [t for value in result for t in flat(value)]
    return [result]


def common_path(paths: list[str]) -> str:
    """The innermost module that contains all of these."""
    levels = [path.split(".") for path in paths]
    shared = []
    for names in zip(*levels):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared)


def like(output: Any, goals: list[torch.Tensor]) -> Any:
    """The targets in the structure of the outputs."""
    if isinstance(output, dict):
        return dict(zip(output, goals))
    return goals if isinstance(output, (tuple, list)) else goals[0]
