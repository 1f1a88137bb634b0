"""What the tests of the weight loader share: both Keras versions, in float64, and their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch
from torch import nn

FLAVOURS = {"3": keras, "2": tf_keras}


def randomized(model: Any) -> Any:
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 0.9, size=w.shape) for w in model.get_weights()])
    return model


def saved(model: Any, how: str, folder: Path) -> Any:
    path = folder / f"model{how}"
    if how == "live":
        return model
    if how == ".weights.h5" or "old" in how:
        path = folder / ("model.weights.h5" if how == ".weights.h5" else "old.h5")
        model.save_weights(str(path))
    else:
        model.save(str(path))
    return path


def first_last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1) if x.ndim == 4 else x


def assert_same(model: Any, module: nn.Module, *shape: int, ints: int = 0) -> None:
    random = np.random.default_rng(1)
    x = random.integers(ints, size=shape) if ints else random.normal(size=shape)
    module.eval()
    with torch.no_grad():
        ours = module(torch.from_numpy(first_last(x))).numpy()
    theirs = np.asarray(model(x))
    np.testing.assert_allclose(ours, first_last(theirs), rtol=1e-9, atol=1e-11)


SOURCES = [("3", how) for how in ("live", ".keras", ".weights.h5", ".h5")]
SOURCES += [("2", how) for how in ("live", ".keras", ".weights.h5", ".h5", "old.h5")]


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    for flavour in FLAVOURS.values():
        flavour.backend.clear_session()
        flavour.backend.set_floatx("float64")
        flavour.mixed_precision.set_global_policy("float64")
    yield
    for flavour in FLAVOURS.values():
        flavour.backend.set_floatx("float32")
        flavour.mixed_precision.set_global_policy("float32")
    torch.set_default_dtype(torch.float32)
