"""Runs an expression of the source in Keras and as the declarations of ops say in torch, and compares the two.

The same text is evaluated by Keras on float64 arrays and by the evaluator on tensors of the model; what the
evaluator records is written as torch code and run. It is done with all inputs as Keras has them, with inputs
channels first, and with sizes that are symbols.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
import torch
import torch.nn.functional as F
from torch import nn

from kt_translate.diagnostics import Log
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Unknown
from kt_translate.graph.region import CURRENT, OpNode, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known
from kt_translate.graph.tensor import Layout, Tensor, to_first, to_last
from kt_translate.layers import catalogue as layer_catalogue
from kt_translate.ops import catalogue
from kt_translate.pytorch.expr import Expr, as_expr
from kt_translate.source.syntax import Source
from tests.layers.execution import support_units
from tests.layers.harness import floatx

TOLERANCE = 1e-12
NAMES = "xyzuvw"
IMPORTS = """
import math
import keras
import numpy as np
import tensorflow as tf
from keras import activations, ops, random
from tensorflow.keras import backend as K
"""


# -- inputs ---------------------------------------------------------------------------------------
def floats(*shape: int, seed: int = 0) -> np.ndarray:
    """Random numbers, none of them near a kink."""
    values = np.random.default_rng(seed + sum(shape)).normal(size=shape)
    return np.where(np.abs(values) < 0.05, 0.3, values)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return np.abs(floats(*shape, seed=seed)) + 0.1


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    """Random numbers within (-1, 1)."""
    return np.tanh(floats(*shape, seed=seed)) * 0.95


def ints(*shape: int, low: int = -5, high: int = 6, dtype: str = "int32", seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def bools(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.5


def _array(given: Any, seed: int) -> np.ndarray:
    return floats(*given, seed=seed) if isinstance(given, tuple) else np.asarray(given)


# -- our side -------------------------------------------------------------------------------------
@dataclass
class Translated:
    """What the evaluator made of a text: the statements, and the result as an expression of them."""

    statements: list[str]
    result: Any
    text: str
    scope: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return "; ".join([*self.statements, self.text])

    def run(self, arrays: dict[str, torch.Tensor]) -> Any:
        scope = {**_torch_names(), **self.scope, **arrays}
        try:
            exec("\n".join(self.statements), scope)
            return eval(self.text, scope)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} in {self.code}") from error


@cache
def _torch_names() -> dict[str, Any]:
    import math

    return {"torch": torch, "F": F, "nn": nn, "math": math, "np": np, **support_units()}


@cache
def _load() -> None:
    layer_catalogue.load()
    catalogue.load()


def source_of(text: str, names: str) -> str:
    body = (
        text
        if "return " in text or text.lstrip().startswith(("raise", "if "))
        else f"return {text}"
    )
    return f"def f({', '.join(names)}):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")


def evaluate(text: str, tensors: list[Tensor]) -> tuple[Any, Region, Log]:
    """The value of ``text`` on tensors of the model, and the region it was recorded in."""
    _load()
    names = NAMES[: len(tensors)]
    log = Log()
    ev = Interpreter(Source(IMPORTS + source_of(text, names), "source.py"), log, {})
    ev.nothing_kept = True  # loops are unrolled: it is operations that are compared
    ev.run_module()
    region = Region()
    CURRENT.append(region)
    try:
        result = ev.run_body(ev.module.names["f"], dict(zip(names, tensors)))
    finally:
        CURRENT.pop()
    return result, region, log


class _Statements:
    """Writes a region: one statement for each node that the result needs."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.lines: list[str] = []
        self.names = {id(t): Expr(n) for n, t in zip(NAMES, tensors)}

    def read(self, x: Tensor, layout: Layout = Layout.KEEP) -> Expr:
        if id(x) not in self.names:
            self._write(x)
        e = self.names[id(x)]
        if layout in (Layout.KEEP, x.layout) or x.rank < 3:
            return e
        return e.permute(*(to_last(x.rank) if layout is Layout.LAST else to_first(x.rank)))

    def _write(self, x: Tensor) -> None:
        node = x.node
        assert isinstance(node, OpNode), "a tensor that nothing computes"
        wants = node.wants or [Layout.KEEP] * len(node.inputs)
        inputs = [self.read(t, w) for t, w in zip(node.inputs, wants, strict=True)]
        where = {"device": Expr("device")} if node.device else {}
        names = [f"v{len(self.lines)}_{i}" for i in range(len(node.outputs))]
        self.lines.append(f"{', '.join(names)} = {as_expr(node.render(*inputs, **where))}")
        for name, output in zip(names, node.outputs, strict=True):
            self.names[id(output)] = Expr(name)

    def value(self, value: Any) -> str:
        """The text of a result: tensors in Keras's order, in the structure that the source gives them."""
        if isinstance(value, Tensor):
            return str(self.read(value, Layout.LAST))
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(self.value, value))}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self.value(v)}" for k, v in value.items()) + "}"
        return str(as_expr(value))


def translate(text: str, *tensors: Tensor) -> Translated:
    """The torch code for ``text`` on tensors called x, y, z ..."""
    result, _, log = evaluate(text, list(tensors))
    said = [f"{d.code} {d.message}" for d in log.diagnostics]
    assert not _unknown(result), f"{text}: {result!r}, {said}"
    statements = _Statements(list(tensors))
    text = statements.value(result)
    return Translated(statements.lines, result, text, {"device": "cpu"})


def _unknown(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_unknown, value))
    return isinstance(value, Unknown)


def written(text: str, *shapes: Any, dtype: str = "float32", layout: Layout = Layout.LAST) -> str:
    """The code for inputs of these shapes (or tensors), without numbers to run it on."""
    tensors = [s if isinstance(s, Tensor) else Tensor(s, dtype, layout) for s in shapes]
    return translate(text, *tensors).code


def rejects(text: str, *shapes: Any, code: str | None = None) -> str:
    """The message with which ``text`` is refused."""
    tensors = [s if isinstance(s, Tensor) else Tensor(s) for s in shapes]
    result, _, log = evaluate(text, tensors)
    assert _unknown(result), f"{text} gives {result!r}"
    found = [d for d in log.diagnostics if code in (None, d.code)]
    assert found, f"{text}: {log.diagnostics}"
    return found[-1].message


# -- both sides -----------------------------------------------------------------------------------
def keras_value(text: str, arrays: list[Any], gradient: bool) -> tuple[Any, list[Any] | None]:
    """What Keras gives, and the gradients of a weighted sum of it."""
    scope: dict[str, Any] = {}
    double = text.replace("float32", "float64")
    exec(IMPORTS + source_of(double, NAMES[: len(arrays)]), scope)
    inputs = [tf.constant(a) for a in arrays]
    sources = [t for t in inputs if t.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        result = scope["f"](*inputs)
        parts = [p for p in _leaves(result) if getattr(getattr(p, "dtype", 0), "is_floating", 0)]
        total = [tf.reduce_sum(p * tf.constant(_weights(p.shape), p.dtype)) for p in parts]
        total = [tf.cast(t, tf.float64) for t in total]
        loss = tf.add_n(total) if total else None
    if not gradient or loss is None or not sources:
        return result, None
    return result, tape.gradient(loss, sources)


def _weights(shape: Any) -> np.ndarray:
    return np.random.default_rng(5).normal(size=tuple(shape))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in _leaves(part)]
    return (
        [leaf for k in value for leaf in _leaves(value[k])] if isinstance(value, dict) else [value]
    )


def _tensor(array: np.ndarray, layout: Layout, sizes: str) -> Tensor:
    shape: list[Any] = list(array.shape)
    if shape:
        shape[0] = None
    if sizes == "open":
        shape = [None] * len(shape)
    dtype = "float32" if array.dtype.kind == "f" else str(array.dtype)
    return Tensor(tuple(shape), dtype, layout if array.ndim > 2 else Layout.LAST)


def _symbolic(tensors: list[Tensor]) -> dict[str, Any]:
    """Let the sizes of the tensors be symbols, equal ones the same. Returns what each of them is."""
    scope: dict[str, Any] = {}
    for tensor in tensors:
        shape = []
        for size in tensor.shape:
            if isinstance(size, int) and size > 1:
                scope[f"n{size}"] = size
                shape.append(_symbol(size))
            else:
                shape.append(size)
        tensor.shape = tuple(shape)
    return scope


_SYMBOLS: dict[int, Sym] = {}


def _symbol(size: int) -> Sym:
    return _SYMBOLS.setdefault(size, Sym.of(Symbol(f"n{size}", size, "dim")))


def variants(arrays: list[np.ndarray], layouts: bool, sizes: tuple[str, ...]) -> Iterator[Any]:
    """(layout of each input, what sizes are) in turn."""
    last = [Layout.LAST] * len(arrays)
    for kind in sizes:
        yield last, kind
    pictures = [a.ndim > 2 for a in arrays]
    if layouts and any(pictures):
        first = [Layout.FIRST if p else Layout.LAST for p in pictures]
        yield first, sizes[0]
        if sum(pictures) > 1:
            yield [*first[:1], *last[1:]], sizes[0]
            yield [*last[:1], *first[1:]], sizes[0]


def check(
    text: str,
    *given: Any,
    tolerance: float = TOLERANCE,
    gradient: bool = True,
    layouts: bool = True,
    sizes: tuple[str, ...] = ("known", "symbolic"),
    keras_text: str | None = None,
) -> None:
    """Compare ``text`` on inputs x, y, z ...: shapes of random floats, or arrays.

    ``sizes``: "known" ones (the batch is always open), "symbolic" ones, and "open" ones that are read at run time.
    ``keras_text`` is what Keras runs where it is not the same.
    """
    arrays = [_array(g, i) for i, g in enumerate(given)]
    with _double():
        theirs, gradients = keras_value(keras_text or text, arrays, gradient)
        for layout, kind in variants(arrays, layouts, sizes):
            where = f"{text} [{', '.join(n.value for n in layout)}; {kind}]"
            tensors = [_tensor(a, w, kind) for a, w in zip(arrays, layout)]
            scope = _symbolic(tensors) if kind == "symbolic" else {}
            ours = translate(text, *tensors)
            ours.scope.update(scope)
            inputs = [_to_torch(a, t.layout) for a, t in zip(arrays, tensors)]
            value = ours.run(dict(zip(NAMES, inputs)))
            where += f" {ours.code}"
            compare(value, theirs, ours.result, where, tolerance)
            if gradients is not None and Layout.FIRST not in layout and kind == sizes[0]:
                _compare_gradients(value, inputs, gradients, where, tolerance)


@contextmanager
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with floatx("float64"):
            yield
    finally:
        torch.set_default_dtype(before)


def _to_torch(array: np.ndarray, layout: Layout) -> torch.Tensor:
    value = torch.from_numpy(np.array(array))
    if layout is Layout.FIRST and value.ndim > 2:
        value = value.permute(to_first(value.ndim)).contiguous()
    return value.requires_grad_() if value.is_floating_point() else value


def compare(value: Any, theirs: Any, declared: Any, where: str, tolerance: float) -> None:
    """Values, shapes and types of a nest of results."""
    if isinstance(declared, (list, tuple)):
        assert len(value) == len(theirs) == len(declared), f"{where}: {len(theirs)} in Keras"
        for v, t, d in zip(value, theirs, declared):
            compare(v, t, d, where, tolerance)
        return
    if isinstance(declared, dict):
        for key in declared:
            compare(value[key], theirs[key], declared[key], where, tolerance)
        return
    expected = theirs.numpy() if hasattr(theirs, "numpy") else theirs
    if expected is None or isinstance(expected, (str, bool)):
        assert value == expected, where
        return
    expected = np.asarray(expected)
    found = value.detach().numpy() if torch.is_tensor(value) else np.asarray(value)
    assert found.shape == expected.shape, f"{where}: {found.shape}, Keras has {expected.shape}"
    assert found.dtype.kind == expected.dtype.kind, f"{where}: {found.dtype}, not {expected.dtype}"
    if isinstance(declared, Tensor):
        _compare_declaration(declared, expected, where)
    loose = 1e-6 if expected.dtype == np.float32 else tolerance
    scale = max(1.0, float(np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0)))
    np.testing.assert_allclose(
        found, expected, rtol=loose, atol=loose * scale, err_msg=where, equal_nan=True
    )


def _compare_declaration(declared: Tensor, expected: np.ndarray, where: str) -> None:
    """What the evaluator says of a result is what Keras has."""
    assert len(declared.shape) == expected.ndim, f"{where}: declared as {declared.shape}"
    for size, real in zip(declared.shape, expected.shape):
        sample = known(size)
        assert (
            size is None or sample is UNKNOWN or sample == real
        ), f"{where}: declared as {declared.shape}, is {expected.shape}"
    kind = np.dtype("float32" if declared.dtype == "bfloat16" else declared.dtype).kind
    assert kind == expected.dtype.kind, f"{where}: declared {declared.dtype}, is {expected.dtype}"


def _compare_gradients(
    value: Any, inputs: list[Any], gradients: list[Any], where: str, tolerance: float
) -> None:
    parts = [v for v in _leaves(value) if torch.is_tensor(v) and v.is_floating_point()]
    sources = [t for t in inputs if t.requires_grad]
    loss = sum((p * torch.as_tensor(_weights(p.shape))).sum() for p in parts)
    if torch.is_tensor(loss) and loss.requires_grad:
        found: Any = torch.autograd.grad(loss, sources, allow_unused=True)
    else:
        found = [None] * len(sources)
    for ours, theirs, source in zip(found, gradients, sources):
        mine = np.zeros(source.shape) if ours is None else ours.numpy()
        other = np.zeros(source.shape) if theirs is None else tf.convert_to_tensor(theirs).numpy()
        scale = max(1.0, float(np.max(np.abs(other), initial=0.0)))
        loose = max(tolerance, 1e-11)
        np.testing.assert_allclose(
            mine, other, rtol=loose, atol=loose * scale, err_msg=f"gradient of {where}"
        )
