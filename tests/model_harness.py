"""Runs a Keras source and its translation side by side, in float64."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

IDLE = ("fit", "predict", "evaluate", "train_on_batch", "summary", "save", "load_weights")


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras and torch compute in float64, and nothing is trained."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    torch.set_default_dtype(torch.float64)
    for method in IDLE:
        for cls in (keras.Model, keras.Sequential):
            monkeypatch.setattr(cls, method, lambda self, *a, **k: None)
    yield
    torch.set_default_dtype(torch.float32)
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


class Pair:
    """A source that was run, and what its translation defines."""

    def __init__(self, text: str, **options: Any) -> None:
        self.log = Log()
        self.done: Translation = translate(text, "model.py", Options(**options), self.log)
        self.keras: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(text, "model.py", "exec"), self.keras)
        self.torch = ModuleType("model_pt")
        sys.modules["model_pt"] = self.torch
        exec(compile(self.done.code, "model_pt.py", "exec"), vars(self.torch))

    @property
    def errors(self) -> list[str]:
        return [
            f"{d.place.line}: {d.message}" for d in self.log.diagnostics if d.severity == "error"
        ]

    def entries(self, name: str, kind: str | None = None) -> list[dict[str, Any]]:
        return [
            m
            for m in self.done.models
            if m["source_name"] == name and kind in (None, m["source_kind"])
        ]

    def check(
        self,
        name: str,
        source: str,
        arguments: str = "",
        occurrence: int = -1,
        index: int | None = None,
    ) -> None:
        """The entry's factory makes what the expression ``source`` is in Keras."""
        entry = self.entries(name)[occurrence]
        assert entry["status"] == "translated"
        theirs = eval(source, self.keras)
        given, named = eval(f"(lambda *a, **k: (a, k))({arguments})", dict(vars(self.torch)))
        ours = getattr(self.torch, entry["factory"])(*given, **{**entry["inferred"], **named})
        if index is not None:
            entry = entry | entry["models"][index]
            ours = eval(f"ours{entry['path']}", {"ours": ours})
        assert_same(theirs, ours, entry, self.torch)


def check_kept(text: str, *given: str) -> Pair:
    """``build`` is written for all arguments: it makes what Keras does without any, and for each of these."""
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    for arguments in ("", *given):
        pair.check("build", f"build({arguments})", arguments)
    return pair


def assert_same(theirs: Any, ours: Any, entry: dict[str, Any], module: ModuleType) -> None:
    """Both compute the same from the same weights."""
    random = np.random.default_rng(0)
    theirs.set_weights([random.uniform(0.1, 0.9, size=w.shape) for w in theirs.get_weights()])
    module.load_keras_weights(ours, theirs)
    ours.eval()
    arrays = [_array(t, random) for t in theirs.inputs]
    expected = keras.tree.flatten(theirs(arrays if len(arrays) > 1 else arrays[0], training=False))
    assert [len(p["shape"]) for p in entry["inputs"]] == [len(t.shape) for t in theirs.inputs]
    if entry["source_kind"] == "variable":
        assert [p["shape"] for p in entry["inputs"]] == [list(t.shape) for t in theirs.inputs]
    feeds = [
        torch.from_numpy(np.ascontiguousarray(np.transpose(a, p["permute"]) if p["permute"] else a))
        for a, p in zip(arrays, entry["inputs"], strict=True)
    ]
    got = ours(*feeds)
    got = list(got) if isinstance(got, (tuple, list)) else [got]
    for want, have, port in zip(expected, got, entry["outputs"][: len(expected)], strict=True):
        array = np.transpose(want, port["permute"]) if port["permute"] else np.asarray(want)
        np.testing.assert_allclose(have.detach().numpy(), array, rtol=1e-9, atol=1e-9)


def _array(tensor: Any, random: np.random.Generator) -> Any:
    shape = [3, *(5 if d is None else d for d in tensor.shape[1:])]
    if "int" in str(tensor.dtype):
        return random.integers(0, 4, size=shape).astype("int32")
    return random.normal(size=shape)
