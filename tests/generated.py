"""The samples' translations and their generated parity tests, as modules of this process."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate
from kt_translate.source.notebook import read_notebook

ROOT = Path(__file__).parents[1]
SAMPLES = sorted(path for path in (ROOT / "samples").iterdir() if path.suffix in (".py", ".ipynb"))


@lru_cache(maxsize=1)
def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="parity")


@cache
def translated_sample(stem: str) -> Translation:
    path = next(path for path in SAMPLES if path.stem == stem)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = read_notebook(text).text
    return translate(text, path.name, Options(), Log())


def module_of(name: str, done: Translation) -> ModuleType:
    """The parity test that was generated, beside the translation."""
    assert done.test is not None
    (Path(folder().name) / f"{name}_pt.py").write_text(done.code, encoding="utf-8")
    path = Path(folder().name) / f"test_{name}_parity.py"
    path.write_text(done.test, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@cache
def sample_test(stem: str) -> ModuleType:
    return module_of(stem, translated_sample(stem))


def use(test: ModuleType, name: str, code: str) -> None:
    """Let a parity test be of this code instead of the translation.

    Every code has a file of its own: Python takes one of the same size, written in the same second, for unchanged.
    """
    own = f"{name}_{crc32(code.encode()):08x}.py"
    test.OUTPUT = Path(folder().name) / own  # type: ignore[attr-defined]
    test.OUTPUT.write_text(code, encoding="utf-8")
    test.translated.cache_clear()
    test.torch_side.cache_clear()


def check(test: ModuleType, case: dict[str, Any]) -> None:
    """All that a parity test does in float64."""
    test.check_outputs(case, "float64", training=False)
    test.check_gradients(case, "float64", training=False)
    test.check_outputs(case, "float64", training=True)
    test.check_gradients(case, "float64", training=True)
    test.check_statistics(case, "float32" if "tf_keras" in test.SOURCE else "float64")
    if "training" in case:
        test.check_training(case, "float64")
