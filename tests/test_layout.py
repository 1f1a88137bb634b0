"""The layout of outputs is black's, though black is asked for few of their statements."""

from __future__ import annotations

import black
import pytest

from kt_translate.emit.definitions import quoted
from kt_translate.emit.layout import laid_out
from tests.generated import SAMPLES, translated_sample

VERSIONS = {version for version in black.TargetVersion if version.value >= 7}
MODE = black.Mode(VERSIONS, line_length=100)
LONG = "the_name_of_something_that_takes_long_to_say"
STATEMENTS = [
    "x = F.relu(self.conv(x))  # (N, 8, H, W)",
    "raise ValueError('quotes')",
    "raise ValueError('\"double\" within')",
    "raise ValueError('both \\' and \"')",
    "x = f'{x[\"a\"]}'",
    "x = a ** 2 + f(a) ** 2 + a.b ** -i",
    "x = a // b.c ** 2 - 2 ** a_1 * 10 ** -3",
    "x = -a ** 2 + b[0] ** 2 + a ** b ** c",
    "x = a.b() ** 2 + a ** f(b) + a ** b[0] + 1e-3 ** 2 + f(a).b ** 2",
    "x = f'{a ** 2}' + str(a ** 2)",
    "x = x[1:, :-1] + x[a + 1:b] + x[a.b:] + x[f(a):, ::2] + x[..., 0]",
    "x = (a + b)",
    "x = (a, b)",
    "return (a)",
    "return (a, b)",
    "mask = (x != -1).any(dim=-1)",
    "x = (a + b) * (a - b)",
    "for (i, x) in enumerate(xs):",
    "for i in (1, 2):",
    "if (a and b):",
    f"elif {LONG} == {LONG}_1 and {LONG} == {LONG}_2:",
    "else:",
    f"if {LONG} == {LONG}_1 and {LONG} == {LONG}_2:",
    f"self.x = nn.Sequential({LONG}, {LONG}, last=8)",
    f"self.x = nn.Sequential({LONG}, {LONG}, last=({LONG}, 8))",
    f"self.x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear({LONG}, {LONG}, {LONG}), nn.ReLU())",
    f"self.x = like_keras(nn.Conv2d({LONG}, {LONG}, kernel_size=3), name=f'{{name}}_x', init={{'weight': a}})",
    f"x, state = self.lstm({LONG}, {LONG}, {LONG})",
    f"x = {LONG} + self.dense({LONG}, {LONG}, {LONG})",
    f"x = {LONG}.flatten(1).view({LONG}, {LONG}, {LONG})",
    f"x: Any = call({LONG}, {LONG}, {LONG})",
    f"x = [{LONG}, {LONG}, {LONG}]",
    f"x = [call({LONG}, {LONG}, {LONG})]",
    f"x = {{'a': {LONG}, 'b': [{LONG}, {LONG}, {LONG}, {LONG}]}}",
    f"x = call([{LONG}, {LONG}, {LONG}])",
    f"x = call(*{LONG}, **{LONG}_{LONG}, a={LONG})",
    f"x = call({LONG} for {LONG} in {LONG} if {LONG})",
    f"raise ValueError('{LONG} {LONG} {LONG} {LONG}')",
    f"raise ValueError('{LONG} {LONG}, not {{x}}')",
    f"return call({LONG}, {LONG}, {LONG})[0]",
    f"return call({LONG}, lambda x: {LONG}, {LONG})",
    f"def forward(self, x: Tensor, {LONG}: Tensor, *, {LONG}_1: int = 4) -> Tensor:",
    f"def forward({LONG}: Tensor, {LONG}_1: tuple[int, int] = (4, 4), {LONG}_2: int = 4) -> Tensor:",
    f"def make({LONG}_{LONG}_{LONG}: int) -> Tensor:",
    f"from module import {LONG}, {LONG}_1, {LONG}_2",
]


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_are_laid_out_as_black_does(statement: str, depth: int) -> None:
    blocks = [f"{'    ' * level}class A:" for level in range(depth)]
    opened = ["if 0:", "    pass"] if statement.startswith(("elif", "else")) else []
    inner = [*opened, statement, *(["    pass"] if statement.endswith(":") else [])]
    lines = [*blocks, *("    " * depth + line for line in inner)]
    assert "\n".join(laid_out(lines)) + "\n" == black.format_str("\n".join(lines), mode=MODE)


@pytest.mark.parametrize(
    "text",
    [
        "One line.",
        "One line.\n\nAnd more.",
        "One line.\n    (N, C) -> (N, 8).",
        "One line.\n\n        Args:\n            x: far to the right\n      less far",
        "One line. \n\nSpaces at the end.  \n   \nAnd a line of them.",
    ],
)
def test_docstrings_are_laid_out_as_black_does(text: str) -> None:
    lines = ["def f():", *(f"    {line}" if line else "" for line in quoted(text)), "    return 1"]
    whole = f'def f():\n    """{text}' + "\n    " * ("\n" in text) + '"""\n    return 1\n'
    assert "\n".join(laid_out(lines)) + "\n" == black.format_str(whole, mode=MODE)


@pytest.mark.parametrize("stem", [path.stem for path in SAMPLES])
def test_outputs_are_as_black_leaves_them(stem: str) -> None:
    done = translated_sample(stem)
    assert done.test is not None
    assert black.format_str(done.code, mode=MODE) == done.code
    assert black.format_str(done.test, mode=MODE) == done.test
