"""Scripts and a notebook in the manner of Keras's own examples, each beside Keras by the parity test made for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from kt_translate.source.notebook import read_notebook

from .generated import module_of

EXAMPLES = sorted((Path(__file__).parent / "examples").iterdir())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_agrees_with_keras(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = read_notebook(text).text
    log = Log()
    done = translate(text, path.name, Options(), log)
    assert not [d.message for d in log.diagnostics if d.severity == "error"]
    assert {model["status"] for model in done.models} == {"translated"}
    test = module_of(path.stem, done)
    compared: list[Any] = [case for case in test.CASES if "skip" not in case]
    assert compared
    for case in compared:
        try:
            test.check_outputs(case, "float64", training=False)
            test.check_gradients(case, "float64", training=False)
        except pytest.skip.Exception as skipped:
            pytest.fail(f"{case['name']} was not compared: {skipped}")
