"""Symbolic values: text, sample values, equality, substitution."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kt_translate.diagnostics import RuleError
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, code, known, same, substitute
from kt_translate.graph.terms import shown

FILTERS = Symbol("filters", 64)
STRIDE = Symbol("stride", 2)
filters, stride = Sym.of(FILTERS), Sym.of(STRIDE)
N = Sym.of(Symbol("n"))


@pytest.mark.parametrize(
    ("value", "text", "sample"),
    [
        (filters * 4, "filters * 4", 256),
        ((filters + 1) * 3, "(filters + 1) * 3", 195),
        ((filters + 3) - 3, "filters", 64),
        ((filters // 2) // 2, "filters // 4", 16),
        (((filters + 1) // 2 + 1) // 2, "(filters + 3) // 4", 16),
        ((filters + filters % 2) // 2, "(filters + 1) // 2", 32),
        (-(-filters // stride), "-(-filters // stride)", 32),
        (Sym.binary("!=", stride, 1), "stride != 1", True),
        (Sym.unary("not", stride), "not stride", False),
        (Sym.choose(Sym.binary(">", stride, 1), filters, 3), "filters if stride > 1 else 3", 64),
        (Sym.index(Sym.of(Symbol("shape", (28, 28, 1))), -1), "shape[-1]", 1),
        (filters + N, "filters + n", UNKNOWN),
        (Sym.binary("and", Sym.binary(">", stride, 3), N), "stride > 3 and n", False),
        (Sym.binary("or", Sym.binary(">", stride, 1), N), "stride > 1 or n", True),
        (Sym.binary("or", Sym.binary(">", stride, 3), N), "stride > 3 or n", UNKNOWN),
        (Sym.binary("or", None, filters), "filters", 64),
        (Sym.binary("and", "same", filters), "filters", 64),
    ],
)
def test_text_and_sample(value: Sym, text: str, sample: object) -> None:
    assert str(value) == text
    assert known(value) == sample


def test_equality_is_that_of_polynomials() -> None:
    assert same(filters * 4, 4 * filters)
    assert same((filters + stride) * 2, 2 * stride + filters * 2)
    assert not same(filters * 4, filters * stride)
    assert filters - filters == 0


def test_substitution_says_a_result_in_the_callers_terms() -> None:
    width = Sym.of(Symbol("width", 128))
    assert str(substitute((None, filters * 4), {FILTERS: width})[1]) == "width * 4"
    assert substitute((None, filters * 4), {FILTERS: 8}) == (None, 32)


def test_code_of_containers() -> None:
    assert str(code((filters, 3))) == "(filters, 3)"
    assert str(code([1.5, "a", None])) == "[1.5, 'a', None]"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(st.integers(1, 200), st.integers(1, 9), st.integers(1, 9), st.integers(0, 20))
def test_simplification_keeps_the_value(n: int, a: int, b: int, c: int) -> None:
    x = Sym.of(Symbol("x", n))
    for value, expected in (
        (((x * a + c) // b - c) + c, ((n * a + c) // b - c) + c),
        ((x // a + c) // b, (n // a + c) // b),
        ((x + x % 2) // 2, (n + n % 2) // 2),
    ):
        assert known(value) == expected
        assert eval(str(code(value)), {"x": n}) == expected
        assert substitute(value, {x.args[0]: n}) == expected


def test_text_and_multiples_read_as_a_person_writes_them() -> None:
    n = Sym.of(Symbol("n", 8))
    name = Sym.of(Symbol("name", "block"))
    assert str(2 * n - n) == "n"
    assert str(n + n + n) == "3 * n"
    assert str(name + "_up" + "0") == 'f"{name}_up0"'
    assert str(name + "{" + Sym.call("str", (n,), "8")) == 'f"{name}{{{n}"'
    widths = Sym.of(Symbol("widths", [4, 8, 16]))
    assert str(Sym.index(Sym.index(widths, slice(1, None, None)), 1)) == "widths[2]"


def test_an_expression_that_fills_pages_is_refused() -> None:
    size: Any = Sym.of(Symbol("n", 3))
    for i in range(60):  # the same part twice each time: its text would not fit on any disk
        size = Sym.binary("*", size, Sym.binary("%", size, i + 2))
    with pytest.raises(RuleError, match="fills pages"):
        code(size)


def test_what_takes_pages_to_say_is_told_in_few_words() -> None:
    x = Sym.of(Symbol("x", 3))
    y: Any = x
    for _ in range(12):
        y = Sym.call("max", (y, Sym.call("min", (y, x), 3)), 3)
    with pytest.raises(RuleError):
        str(y)
    assert shown(y) == "a size that takes pages to say"
    assert shown(x) == "x"


@pytest.mark.parametrize("op", ["*", "**", "<<"])
def test_samples_of_no_use_take_no_memory(op: str) -> None:
    many = Sym.of(Symbol("many", 10**12))
    one = Sym.of(Symbol("one", (1, 2) if op == "*" else 3))
    assert known(Sym.binary(op, one, many)) is UNKNOWN
    assert known(Sym.binary(op, Sym.of(Symbol("two", 2)), 5)) == {"*": 10, "**": 32, "<<": 64}[op]


def test_what_is_compared_with_none_is_asked_whether_it_is_none() -> None:
    rate = Sym.of(Symbol("rate", 0.5))
    assert str(Sym.binary("==", rate, None)) == "rate is None"
    assert str(Sym.binary("!=", None, rate)) == "rate is not None"


def test_what_a_value_does_not_fit_is_unknown() -> None:
    size = Symbol("size", 8)
    n = Sym.of(size)
    for said in (Sym.binary("<", n, 3), Sym.binary("%", 7, n), Sym.index(n, 0)):
        assert substitute(said, {size: None if said.head == "<" else 0}) is UNKNOWN
