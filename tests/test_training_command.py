"""The output run as a program: it converts a file of Keras weights, without Keras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from kt_translate.emit import module
from kt_translate.lower.class_code import ClassCode

CLASSES = [
    ClassCode(
        "Small", "One layer.", "sequential", ["self.dense = nn.Linear(3, 2)"], ["x = self.dense(x)"]
    ),
    ClassCode(
        "Wide",
        "Of any width.",
        "sequential",
        ["self.dense = nn.Linear(3, units)"],
        ["x = self.dense(x)"],
        parameters=["units: int"],
    ),
]


def program(folder: Path, factories: dict[str, str]) -> Path:
    for code in CLASSES:
        code.arguments = "x: Tensor"
    path = folder / "model_pt.py"
    path.write_text(module.render("model.py", CLASSES, module.Kept(), [], factories))
    return path


def trained(folder: Path, units: int) -> tuple[Path, list[np.ndarray]]:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
    path = folder / "trained.weights.h5"
    model.save_weights(path)
    return path, [np.array(w) for w in model.get_weights()]


def run(path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, path.name, *map(str, arguments)]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_the_only_model_needs_no_name(suffix: str, tmp_path: Path) -> None:
    path = program(tmp_path, {"small": "Small"})
    weights, (kernel, bias) = trained(tmp_path, 2)
    target = tmp_path / f"out{suffix}"
    done = run(path, weights, "-o", target)
    assert done.returncode == 0, done.stderr
    assert "tensorflow" not in done.stderr.lower()
    if suffix == ".pt":
        state = torch.load(target, weights_only=True)
    else:
        from safetensors.torch import load_file

        state = load_file(target)
    np.testing.assert_array_equal(state["dense.weight"], kernel.T)
    np.testing.assert_array_equal(state["dense.bias"], bias)


def test_one_of_several_by_name_with_its_arguments(tmp_path: Path) -> None:
    path = program(tmp_path, {"small": "Small", "build_wide": "Wide"})
    weights, (kernel, _) = trained(tmp_path, 5)
    target = tmp_path / "out.pt"
    asked = run(path, weights, "-o", target)
    assert asked.returncode == 2
    assert "--model" in asked.stderr
    done = run(path, weights, "-o", target, "--model", "build_wide", "--set", "units=5")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(torch.load(target, weights_only=True)["dense.weight"], kernel.T)


def test_weights_that_do_not_fit_leave_no_file(tmp_path: Path) -> None:
    path = program(tmp_path, {"small": "Small"})
    weights, _ = trained(tmp_path, 5)
    done = run(path, weights, "-o", tmp_path / "out.pt")
    assert done.returncode == 1
    assert "do not fit" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out*"))
