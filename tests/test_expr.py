"""Expressions of the generated code: parentheses, keywords, literals."""

from __future__ import annotations

import pytest

from kt_translate.pytorch.expr import OMIT, Expr, F, literal, nn, unless

x, y = Expr("x"), Expr("y")


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (nn.Linear(4, 8, bias=False), "nn.Linear(4, 8, bias=False)"),
        (nn.Linear(4, 8, bias=OMIT), "nn.Linear(4, 8)"),
        (F.relu(x + y), "F.relu(x + y)"),
        ((x + y) * 2, "(x + y) * 2"),
        (x - (y - 1), "x - (y - 1)"),
        ((x + y).mean(dim=1), "(x + y).mean(dim=1)"),
        ((-x) ** 2, "(-x) ** 2"),
        (x[:, 0], "x[:, 0]"),
        (x[..., None], "x[..., None]"),
        (Expr.unary("not", Expr.binary("and", x, y)), "not (x and y)"),
        (Expr.unary("not", Expr.unary("not", x)), "x"),
        (Expr.unary("not", Expr.unary("not", Expr.binary("and", x, y))), "(x and y)"),
    ],
)
def test_text(expr: Expr, text: str) -> None:
    assert str(expr) == text


def test_literals() -> None:
    assert str(literal((1,))) == "(1,)"
    assert str(literal(float("inf"))) == "math.inf"
    assert str(literal({"a": [1, -2]})) == "{'a': [1, -2]}"


def test_unless_leaves_defaults_out() -> None:
    assert unless(True, True) is OMIT
    assert unless(1, True) == 1
