"""Runs a layer in Keras and as its declaration says in torch, and compares the two.

Everything is computed in float64 with random weights: the output and its shape, its mask, the
gradients of the input and of every weight, and what a call in training mode leaves in the weights.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch
from keras.src import backend
from torch import nn

from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import REGISTRY, Expr, Layer, RuleError
from tests.layers.execution import (
    TOLERANCE,
    Symbols,
    Translated,
    bind,
    close,
    flattened_sizes,
    from_torch,
    load_declarations,
    node_expr,
    size_of,
    support_units,
    to_torch,
    translate,
)

__all__ = [
    "Symbols",
    "Translated",
    "assert_signature",
    "bind",
    "check_layer",
    "close",
    "floatx",
    "from_torch",
    "keras_signature",
    "load",
    "load_declarations",
    "random",
    "randomize",
    "rejects",
    "support_units",
    "to_torch",
    "translate",
]


@contextmanager
def floatx(dtype: str = "float64") -> Iterator[None]:
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)


def random(shape: Iterable[int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=tuple(shape))


def keras_signature(name: str) -> list[tuple[str, Any]]:
    """(name, default) of Keras's own constructor, without what every layer takes."""
    parameters = inspect.signature(getattr(keras.layers, name)).parameters.values()
    return [
        (p.name, p.default)
        for p in parameters
        if p.kind is not p.VAR_KEYWORD and p.name not in ("name", "trainable", "dtype")
    ]


def assert_signature(name: str) -> None:
    """The fields of the declaration are Keras's arguments, in order, with its defaults."""
    load_declarations()
    assert REGISTRY[name].signature() == keras_signature(name)


# -- Keras's side ---------------------------------------------------------------------------------
def randomize(layer: Any, seed: int = 7) -> None:
    """Random numbers into every weight; positive ones where Keras keeps a variance."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if not backend.is_float_dtype(weight.dtype):
            continue
        value = rng.normal(size=weight.shape) * 0.5
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.name else value)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [v for part in value for v in _flat(part)]
    return list(value.values()) if isinstance(value, dict) else [value]


# -- the comparison -------------------------------------------------------------------------------
def check_layer(
    name: str,
    kwargs: dict[str, Any],
    *shapes: tuple[int, ...],
    inputs: list[np.ndarray] | None = None,
    masks: list[np.ndarray | None] | None = None,
    training: bool | None = None,
    call_kwargs: dict[str, Any] | None = None,
    symbolic: bool = False,
    texts: bool = False,
    unknown: bool = False,
    open_shape: bool = False,
    layouts: list[Layout] | None = None,
    rule_kwargs: dict[str, Any] | None = None,
    keras_layer: Any = None,
    uncompared: tuple[str, ...] = (),
    tolerance: float = TOLERANCE,
    gradients: bool = True,
    dtype: str = "float64",
    seed: int = 0,
) -> Translated:
    """Compare a Keras layer on inputs of ``shapes`` (with the batch) with its declaration.

    ``symbolic``: numbers of ``kwargs`` and sizes are symbols (``texts``: strings and booleans too;
    ``unknown``: even without a sample value). ``open_shape``: sizes but the channels are None.
    ``layouts``: those to try where the declaration takes any. ``rule_kwargs``: what the declaration
    gets, where it differs from Keras's arguments.
    ``dtype``: for what TensorFlow cannot do in float64, which then asks for a ``tolerance``.
    ``uncompared``: parameters of the torch module whose gradient has no counterpart.
    """
    arrays = (
        inputs
        if inputs is not None
        else [random(s, seed + i).astype(dtype) for i, s in enumerate(shapes)]
    )
    symbols = Symbols(texts=texts, unknown=unknown)
    wrap = symbols if symbolic else (lambda value, name="": value)
    given = kwargs if rule_kwargs is None else rule_kwargs
    rule = bind(name, {k: v if k == "args" else wrap(v, f"{k}_") for k, v in given.items()})
    options = dict(call_kwargs or {})
    if training is not None:
        options["training"] = training
    with floatx(dtype):
        settings = {k: v for k, v in kwargs.items() if k != "args"}
        theirs = keras_layer or getattr(keras.layers, name)(*kwargs.get("args", ()), **settings)
        theirs(*_keras_inputs(arrays, None), **options)
        randomize(theirs)
        result: Translated | None = None
        for layout in layouts or _layouts(rule, arrays):
            tensors = _tensors(arrays, masks, layout, open_shape, wrap)
            wanted = rule.wants(*tensors)
            for tensor, want in zip(tensors, wanted, strict=True):
                tensor.layout = (
                    (want if want is not Layout.KEEP else layout)
                    if tensor.rank > 2
                    else Layout.LAST
                )
            said = {k: _option(v) for k, v in options.items()}
            result = translate(rule, tensors, said, dict(symbols.scope))
            _compare(theirs, result, arrays, masks, options, uncompared, tolerance, gradients)
        assert result is not None
        if masks is None and not options:
            _check_spec(theirs, rule, arrays, result)
    return result


def _option(value: Any) -> Any:
    return (
        Tensor((None, *value.shape[1:]), str(value.dtype))
        if isinstance(value, np.ndarray)
        else value
    )


def _layouts(rule: Layer, arrays: list[np.ndarray]) -> list[Layout]:
    tensors = [Tensor((None, *a.shape[1:])) for a in arrays]
    free = Layout.KEEP in rule.wants(*tensors) and any(a.ndim > 2 for a in arrays)
    return [Layout.LAST, Layout.FIRST] if free else [Layout.LAST]


def _tensors(
    arrays: list[np.ndarray], masks: Any, layout: Layout, open_shape: bool, wrap: Any
) -> list[Tensor]:
    tensors = []
    for i, array in enumerate(arrays):
        sizes = [
            None if open_shape and j < array.ndim - 2 else wrap(n, f"n{i}_")
            for j, n in enumerate(array.shape[1:])
        ]
        dtype = "float32" if array.dtype.kind == "f" else str(array.dtype)
        mask = None
        if masks is not None and masks[i] is not None:
            mask = Tensor((None, *sizes[: masks[i].ndim - 1]), "bool")
        tensors.append(Tensor((None, *sizes), dtype, layout, mask))
    return tensors


def _keras_inputs(arrays: list[np.ndarray], masks: Any) -> list[Any]:
    values = [tf.constant(a) for a in arrays]
    for value, mask in zip(values, masks or (), strict=False):
        if mask is not None:
            backend.set_keras_mask(value, tf.constant(mask))
    return [values] if len(values) > 1 else values


def _compare(
    theirs: Any,
    ours: Translated,
    arrays: list[np.ndarray],
    masks: Any,
    options: dict[str, Any],
    uncompared: tuple[str, ...],
    tolerance: float,
    gradients: bool,
) -> None:
    training = bool(options.get("training"))
    before = [w.numpy() for w in theirs.weights]
    watched = _keras_inputs(arrays, masks)
    leaves = [v for v in _flat(watched) if v.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        expected = theirs(*watched, **options)
        values = _flat(expected)
        cotangents = [
            random(v.shape, 50 + i).astype(keras.config.floatx()) for i, v in enumerate(values)
        ]
        loss = sum(
            tf.reduce_sum(v * c)
            for v, c in zip(values, cotangents, strict=True)
            if v.dtype.is_floating
        )
    after = [w.numpy() for w in theirs.weights]
    slopes = (
        tape.gradient(loss, [leaves, [w.value for w in theirs.trainable_weights]])
        if gradients and tf.is_tensor(loss)
        else None
    )
    for weight, value in zip(theirs.weights, before, strict=True):
        weight.assign(value)

    module = ours.build()
    if module is not None:
        load(module, theirs)
        module.train(training)
    feeds = {
        f"x{i}": to_torch(a, t.layout)
        for i, (a, t) in enumerate(zip(arrays, ours.inputs, strict=True))
    }
    variables = [v.requires_grad_() for v in feeds.values() if v.is_floating_point()]
    feeds.update((k, torch.from_numpy(v)) for k, v in options.items() if isinstance(v, np.ndarray))
    feeds.update(
        (f"mask{i}", torch.from_numpy(m)) for i, m in enumerate(masks or ()) if m is not None
    )
    scope = {**feeds, "module": module}
    got = _flat(ours.run(module, scope))
    assert len(got) == len(values) == len(ours.outputs), "number of outputs"
    total = torch.zeros((), dtype=getattr(torch, keras.config.floatx()))
    for i, (value, want, tensor) in enumerate(zip(got, values, ours.outputs, strict=True)):
        sizes = [v for d in tensor.shape if (v := size_of(d, ours.scope)) is not None]
        actual = [
            n
            for d, n in zip(tensor.shape, want.shape, strict=True)
            if size_of(d, ours.scope) is not None
        ]
        assert sizes == actual, f"output shape {tensor.shape}, Keras has {tuple(want.shape)}"
        order = (tensor.layout, flattened_sizes(tensor, arrays[0], ours.scope))
        close(from_torch(value, *order), want, f"output {i}", tolerance)
        if value.is_floating_point():
            total = total + (value * to_torch(cotangents[i], *order)).sum()
        _compare_masks(ours, i, tensor, want, scope)
    if slopes is not None and total.requires_grad:
        total.backward()
        _compare_slopes(theirs, ours, module, variables, slopes, uncompared, tolerance)
    if training and module is not None:
        _compare_state(theirs, ours, module, after, uncompared, tolerance)
    for weight, value in zip(theirs.weights, before, strict=True):
        weight.assign(value)
    if ours.standalone is not None and not options and masks is None:
        alone = ours.build(ours.standalone)
        assert alone is not None
        load(alone.train(training), theirs)
        first = ours.outputs[0]
        order = (first.layout, flattened_sizes(first, arrays[0], ours.scope))
        close(from_torch(alone(feeds["x0"]), *order), values[0], "standalone", tolerance)


def _compare_masks(
    ours: Translated, i: int, tensor: Tensor, want: Any, scope: dict[str, Any]
) -> None:
    theirs = backend.get_keras_mask(want)
    assert (theirs is None) == (
        tensor.mask is None
    ), f"mask of output {i}: {tensor.mask}, Keras has {theirs}"
    if tensor.mask is None:
        return
    names = {id(t): Expr(f"x{j}") for j, t in enumerate(ours.inputs)}
    names.update(
        (id(t.mask), Expr(f"mask{j}")) for j, t in enumerate(ours.inputs) if t.mask is not None
    )
    value = eval(str(node_expr(tensor.mask, names)), {**ours.scope, **scope})
    close(value.numpy(), theirs, f"mask of output {i}")


def _compare_slopes(
    theirs: Any,
    ours: Translated,
    module: Any,
    variables: Any,
    slopes: Any,
    uncompared: Any,
    tolerance: float,
) -> None:
    floats = [t for t in ours.inputs if t.dtype.startswith("float")]
    for i, (variable, slope, tensor) in enumerate(zip(variables, slopes[0], floats, strict=True)):
        if slope is None:
            assert (
                variable.grad is None or not variable.grad.any()
            ), f"gradient of input {i}: Keras has none"
            continue
        close(from_torch(variable.grad, tensor.layout), slope, f"gradient of input {i}", tolerance)
    if module is None:
        return
    before = [w.numpy() for w in theirs.weights]
    for weight, slope in zip(theirs.trainable_weights, slopes[1], strict=True):
        weight.assign(
            tf.zeros(weight.shape, weight.dtype) if slope is None else tf.convert_to_tensor(slope)
        )
    mapped = copy.deepcopy(module)
    load(mapped, theirs)  # sends Keras's gradients the way of its weights
    for (key, parameter), (_, slope) in zip(
        module.named_parameters(), mapped.named_parameters(), strict=True
    ):
        if not any(key == u or key.endswith(f".{u}") for u in uncompared):
            grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            close(grad, slope.detach(), f"gradient of {key}", tolerance)
    for weight, value in zip(theirs.weights, before, strict=True):
        weight.assign(value)


def _compare_state(
    theirs: Any, ours: Translated, module: Any, after: Any, uncompared: Any, tolerance: float
) -> None:
    for weight, value in zip(theirs.weights, after, strict=True):
        weight.assign(value)
    moved = copy.deepcopy(module)
    load(moved, theirs)
    for key, value in module.state_dict().items():
        if not key.endswith(("num_batches_tracked", *uncompared)):
            close(value, moved.state_dict()[key], f"{key} after a training step", tolerance)


def _check_spec(theirs: Any, rule: Layer, arrays: list[np.ndarray], ours: Translated) -> None:
    """Our shape rule says what `compute_output_spec` says, with an open batch."""
    specs = [keras.KerasTensor((None, *a.shape[1:]), dtype=str(a.dtype)) for a in arrays]
    spec = theirs.compute_output_spec(specs if len(specs) > 1 else specs[0])
    for expected, tensor in zip(_flat(spec), ours.outputs, strict=True):
        shape = tuple(size_of(d, ours.scope) for d in tensor.shape)
        exact = [(a, b) for a, b in zip(shape, expected.shape, strict=True) if a is not None]
        assert all(
            a == b for a, b in exact
        ), f"shape {shape}, compute_output_spec gives {expected.shape}"


def load(module: nn.Module, layer: Any) -> None:
    """The weights of a Keras layer into the torch module that stands for it."""
    if layer.weights:
        support_units()["load_keras_weights"](module, layer)


def rejects(
    name: str, kwargs: dict[str, Any], *shapes: tuple[int, ...], code: str = "KT203"
) -> str:
    """The declaration refuses this with ``code``; gives the message."""
    try:
        rule = bind(name, kwargs)
        tensors = [Tensor((None, *s[1:])) for s in shapes]
        if tensors:
            rule.outputs(*tensors)
            rule.module(*tensors)
    except RuleError as error:
        if error.code != code:
            raise
        return error.message
    raise AssertionError(f"{name}({kwargs}) was accepted")
