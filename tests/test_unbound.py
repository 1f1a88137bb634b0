"""Sizes that a class would read before it has them are found before the class is written."""

from __future__ import annotations

import pytest

from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.unbound import unbound

CASES = {
    "bound": (["length_1 = n // 2", "self.dense = nn.Linear(length_1, 3)"], None),
    "bound later": (["self.dense = nn.Linear(length_1, 3)", "length_1 = n // 2"], "length_1"),
    "never": (["if n:", "    self.dense = nn.Linear(length, 3)"], "length"),
    "a parameter": (["self.dense = nn.Linear(n, 3)"], None),
    "no size": (["self.dense = nn.Linear(WIDTH, 3)"], None),
    "in a comprehension": (["self.sizes = [length * 2 for length in sizes]"], None),
    "in a loop": (["length = n", "for u in (1, 2):", "    length = length // u"], None),
}


@pytest.mark.parametrize("name", CASES)
def test_names_that_are_read_before_they_are_bound(name: str) -> None:
    lines, found = CASES[name]
    code = ClassCode("Net", None, None, init=lines, parameters=["n: int", "*", "sizes: list[int]"])
    assert unbound(code, {"length", "n"}) == found


def test_what_forward_reads() -> None:
    code = ClassCode("Net", None, None, body=["x = self.dense(x)"], returns="x.reshape(n, -1)")
    assert unbound(code, {"n"}) == "n"
