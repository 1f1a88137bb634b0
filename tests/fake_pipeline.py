"""A pipeline that needs no translator: what it returns is settled by words of the source."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kt_translate.diagnostics import Log, Place
from kt_translate.source.syntax import SourceError

MODEL = "import keras\n\nmodel = keras.Sequential([keras.layers.Dense(3)])\n"


@dataclass(frozen=True)
class Options:
    input_shapes: dict[str, tuple[int | None, ...]]
    settings: dict[str, str]
    path: Path | None
    want_test: bool
    output: str | None = None
    project: Any = None


@dataclass
class Translation:
    code: str
    test: str | None
    models: list[dict[str, Any]]
    training: list[dict[str, Any]]
    keras: str
    log: Log


@dataclass
class FakePipeline:
    """Answers by the words of the source, and remembers what it was asked."""

    calls: list[tuple[str, Options]] = field(default_factory=list)

    def translate(self, text: str, name: str, options: Options, log: Log) -> Translation:
        self.calls.append((name, options))
        for number, line in enumerate(text.split("\n"), 1):
            self.read(number, line, log)
        models = [{"source_name": "model", "status": "translated"}] if "Dense" in text else []
        test = f"# test of {name}\n" if options.want_test else None
        code = f'"""Made of {name}."""\n# {len(text)} characters\n'
        return Translation(code, test, models, [], "3", log)

    def read(self, number: int, line: str, log: Log) -> None:
        if "BOOM" in line:
            raise KeyError("a defect")
        if "INTERRUPT" in line:
            raise KeyboardInterrupt
        if line.startswith('print "'):
            raise SourceError("invalid syntax", Place(number, 6))
        if "Rare" in line:
            start = line.index("Rare")
            log.add("KT201", Place(number, start, start + 4), "no rule yet for Rare", "write it")
        if "guess" in line:
            log.add("KT101", Place(number), "input size guessed: 3")
        if "plot" in line:
            log.add("KT401", Place(number), "code left out: plot")


def install(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """Put the fake in the place of kt_translate.pipeline."""
    fake = FakePipeline()
    module = ModuleType("kt_translate.pipeline")
    module.Options = Options  # type: ignore[attr-defined]
    module.Translation = Translation  # type: ignore[attr-defined]
    module.translate = fake.translate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kt_translate.pipeline", module)
    return fake
