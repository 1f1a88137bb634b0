"""How outputs read: five samples as they are translated, kept in `tests/golden/`.

One is kept whole. Of the others, which are therefore text and no modules, support code is kept by name: its text is that of `kt_translate/pytorch/support`.

python -m tests.test_golden     # writes them anew; the diff shows what a change does to the code
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt_translate.pytorch.library import FOLDER

from .generated import ROOT, translated_sample

GOLDEN = Path(__file__).parent / "golden"
WHOLE = "mnist_convnet"
SAMPLES = [
    WHOLE,
    "patch_transformer",
    "residual_net",
    "segmentation_unet",
    "sentiment_lstm",
]
SUPPORT = re.compile(r"^# --- (?:What PyTorch lacks|Weights) -+\n", re.MULTILINE)
CUT = {"like_keras", "KERAS_LAYERS", "KERAS_STARTS"}  # to what the modules use: test_trimming.py


def golden(sample: str) -> Path:
    return GOLDEN / f"{sample}_pt.{'py' if sample == WHOLE else 'txt'}"


def definitions(section: str) -> Iterator[tuple[str, str]]:
    """The name and the text of each definition."""
    lines = section.splitlines(keepends=True)
    for node in ast.parse(section).body:
        assert isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign)
        name = (
            node.name
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else lines[node.lineno - 1]
        )
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        yield re.match(r"\w+", name)[0], "".join(lines[first - 1 : node.end_lineno])  # type: ignore[index]


def parts(code: str) -> tuple[str, list[str], str]:
    """The text before the sections of support code, these sections, and what stands after them."""
    code, main, command = code.partition('\n\nif __name__ == "__main__":\n')
    own, *support = SUPPORT.split(code)
    return own, support, main + command


def shown(sample: str) -> str:
    """What is kept of a translation."""
    code = translated_sample(sample).code
    if sample == WHOLE:
        return code
    own, support, main = parts(code)
    named = [[f"# {name}\n" for name, _ in definitions(section)] for section in support]
    titles = SUPPORT.findall(code)
    sections = [title + "".join(names) for title, names in zip(titles, named, strict=True)]
    return own + "\n".join(sections) + main


@pytest.mark.parametrize("sample", SAMPLES)
def test_reads_as_before(sample: str) -> None:
    kept = golden(sample).read_text(encoding="utf-8")
    assert shown(sample) == kept, "see the head of this file"


@pytest.mark.parametrize("sample", SAMPLES)
def test_support_code_is_copied_as_it_is(sample: str) -> None:
    library = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    _, support, _ = parts(translated_sample(sample).code)
    copied = [found for section in support for found in definitions(section)]
    assert len(copied) > 20
    assert not [name for name, text in copied if name not in CUT and text not in library]


@pytest.mark.parametrize("command", [["ruff", "check"], ["black", "--check"]], ids=lambda c: c[0])
def test_is_clean(command: list[str], tmp_path: Path) -> None:
    for sample in SAMPLES:
        code = translated_sample(sample).code
        (tmp_path / f"{sample}_pt.py").write_text(code, encoding="utf-8")
    settings = ["--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", *command, *settings, str(tmp_path)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    for name in SAMPLES:
        golden(name).write_text(shown(name), encoding="utf-8")


ORDERS = """
from tensorflow.keras import layers, models

def build(inputs, style="a", weights=None, deep=True):
    if weights not in {"imagenet", "places", "noisy", None}:
        raise ValueError(weights)
    if deep:
        first = layers.Conv2D(4, 1)(inputs)
        second = layers.Conv2D(4, 3, padding="same")(first)
        third = layers.ReLU()(second)
    else:
        first = inputs
        second = layers.Conv2D(3, 1)(inputs)
        third = layers.Conv2D(4, 3, padding="same")(first)
    return models.Model(inputs, [first, second, third])

build(layers.Input((8, 8, 3)), deep=False)
"""
TRANSLATE_ALL = """
import sys
from pathlib import Path
from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate

for text in [*map(Path.read_text, map(Path, sys.argv[2:])), sys.argv[1]]:
    done = translate(text, "model.py", Options(), Log())
    print(done.code, done.test)
"""


def test_outputs_do_not_hang_on_the_order_in_which_sets_are_kept() -> None:
    """Another order in every process (PYTHONHASHSEED): the pre-commit hook would find a change in each."""
    sources = [*(ROOT / "samples").glob("*.py"), *(ROOT / "tests" / "examples").glob("*.py")]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TRANSLATE_ALL, ORDERS, *map(str, sorted(sources))],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in "123"
    ]
    outputs = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(outputs) == 1
