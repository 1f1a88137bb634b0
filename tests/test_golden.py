"""How outputs read: five samples as they are translated, kept in `tests/golden/`.

One is kept whole. Of the others, which are therefore text and no modules, support code is kept by name: its text is that of `kt_translate/pytorch/support`.

python -m tests.test_golden     # writes them anew; the diff shows what a change does to the code
"""

from __future__ import annotations

import ast
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
