"""How fast the generated modules run, beside the Keras model (tf.function) on the same machine, interleaved.

python benchmarks/runtime.py [--size 224] [--batch 1 8] [--compile]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[1]
MODELS = {"VGG16": "vgg16", "ResNet50": "resnet", "MobileNetV2": "mobilenet_v2"}


def translated(name: str, folder: str) -> ModuleType:
    """The translation of one file of keras.applications, imported."""
    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    source = Path(spec.submodule_search_locations[0], "src", "applications", f"{name}.py")
    out = Path(folder, f"{name}_pt.py")
    command = [sys.executable, "-m", "kt_translate", str(source), "-o", str(out), "--no-test"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    found = importlib.util.spec_from_file_location(f"{name}_pt", out)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def interleaved(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each, run in turns so that all see the same machine."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    import keras
    import numpy as np
    import tensorflow as tf
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, file in MODELS.items():
            settings: dict[str, Any] = {
                "weights": None,
                "input_shape": (options.size, options.size, 3),
                "classes": 10,
            }
            theirs = getattr(keras.applications, name)(**settings)
            ours = getattr(translated(file, folder), name)(**settings).eval()
            last = getattr(translated(file, folder), name)(**settings).eval()
            last = last.to(memory_format=torch.channels_last)
            call = tf.function(theirs)
            for batch in options.batch:
                x = np.random.rand(batch, options.size, options.size, 3).astype("float32")
                pictures = torch.from_numpy(x).permute(0, 3, 1, 2)
                given = tf.constant(x)
                plain = pictures.contiguous()
                runs: dict[str, Callable[[], Any]] = {
                    "keras": lambda call=call, given=given: call(given, training=False),
                    "eager": lambda m=ours, x=plain: m(x),
                    "channels_last": lambda m=last, x=pictures: m(x),
                }
                if options.compile:
                    compiled = torch.compile(ours, fullgraph=True)
                    runs["compiled"] = lambda m=compiled, x=plain: m(x)
                with torch.no_grad():
                    times = interleaved(runs, options.rounds)
                shown = ", ".join(f"{k} {v / times['keras']:.2f}" for k, v in times.items())
                print(f"{name} batch {batch}: keras {times['keras']:.3f} s; times of it: {shown}")


if __name__ == "__main__":
    main()
