"""Attributes and builtins of tensors in the evaluator."""

from __future__ import annotations

from typing import Any

import pytest

from kt_translate.diagnostics import Log
from kt_translate.evaluate import tensors
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Native, Unknown
from kt_translate.graph.tensor import Tensor
from kt_translate.source.syntax import Source
from tests.ops.harness import evaluate


@pytest.fixture
def ev() -> Interpreter:
    evaluate("x", [Tensor((None, 4))])
    return Interpreter(Source("", "source.py"), Log(), {})


def shown(x: Any) -> str:
    """The expression of a tensor over inputs called x."""
    from kt_translate.pytorch.expr import Expr

    if x.node is None:
        return "x"
    return str(x.node.render(*(Expr(shown(t)) for t in x.node.inputs)))


def test_attributes(ev: Interpreter) -> None:
    x = Tensor((None, 4), name="features")
    assert tensors.attribute(ev, x, "shape") == (None, 4)
    assert tensors.attribute(ev, x, "ndim") == 2
    assert tensors.attribute(ev, x, "dtype") == "float32"
    assert shown(tensors.attribute(ev, x, "T")) == "x.T"
    assert isinstance(tensors.attribute(ev, x, "numpy"), Unknown)


def test_attributes_of_shapes() -> None:
    def call(name: str, shape: Any = (None, 4, 5)) -> Any:
        found = tensors.shape_attribute(shape, name)
        return found.call(None) if isinstance(found, Native) else found

    assert call("as_list") == [None, 4, 5]
    assert call("rank") == call("ndims") == 3
    assert call("num_elements") is None
    assert call("num_elements", (4, 5)) == 20
    assert call("is_fully_defined") is False
    assert call("value", 4) == 4
    assert call("append") is NotImplemented


def test_builtins(ev: Interpreter) -> None:
    x = Tensor((None, 4))
    size = tensors.builtin(ev, "len", [x])
    assert shown(tensors.builtin(ev, "abs", [x])) == "x.abs()"
    assert shown(tensors.builtin(ev, "sum", [[x, x, 2]])) == "x + x + 2"
    assert shown(tensors.builtin(ev, "max", [x, 0])) == "x.clamp(min=0)"
    assert shown(tensors.builtin(ev, "max", [size, 3])) == "max(x.shape[0], 3)"
    assert shown(tensors.builtin(ev, "float", [size])) == "float(x.shape[0])"
    assert tensors.builtin(ev, "sorted", [x]) is NotImplemented


def test_unary_operators(ev: Interpreter) -> None:
    x = Tensor((None, 4))
    assert shown(tensors.unary(ev, "-", x)) == "-x"
    assert shown(tensors.unary(ev, "~", Tensor((None, 4), "bool"))) == "~x"
    assert tensors.unary(ev, "+", x) is x
