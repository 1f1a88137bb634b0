"""Several sources translated together: each has an output of its own, and imports what others define."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kt_translate.cli import main

BLOCKS = """
from tensorflow.keras import layers

EPSILON = 1e-5

def conv_bn(x, filters, stride=1, activation=True):
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(epsilon=EPSILON)(x)
    return layers.ReLU()(x) if activation else x

def residual(x, filters):
    return layers.add([x, conv_bn(x, filters)])

class Gate(layers.Layer):
    def __init__(self, ratio=4, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio
    def build(self, shape):
        self.down = layers.Dense(shape[-1] // self.ratio, activation="relu")
        self.up = layers.Dense(shape[-1], activation="sigmoid")
    def call(self, x):
        return x * self.up(self.down(layers.GlobalAveragePooling2D()(x)))[:, None, None, :]
"""
NET = """
import keras
from {blocks} import EPSILON, Gate, conv_bn, residual
def build_net(classes=3, activation={activation}):
    inputs = keras.Input((12, 12, 3))
    x = conv_bn(inputs, 8, activation=activation)
    x = Gate()(residual(x, 8))
    x = keras.layers.LayerNormalization(epsilon=EPSILON)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(classes)(x))
"""


def translated(folder: Path, files: dict[str, str], *options: str) -> Path:
    for name, text in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = folder / "out"
    assert main([str(folder / "src"), "-o", str(out), *options]) == 0
    return out


def executed(folder: Path, code: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PACKAGE = {
    "__init__.py": "from .net import build_net\n",
    "blocks.py": BLOCKS,
    "net.py": NET.format(blocks=".blocks", activation=True),
    "other.py": NET.format(blocks=".blocks", activation=False).replace("build_net", "build_other"),
}


def test_each_file_has_what_it_defines(tmp_path: Path) -> None:
    out = translated(tmp_path, PACKAGE, "--no-test", "--report", str(tmp_path / "report.json"))
    assert sorted(path.name for path in out.iterdir()) == [
        "blocks_pt.py",
        "keras_compat.py",
        "net_pt.py",
        "other_pt.py",
    ]
    blocks = (out / "blocks_pt.py").read_text()
    assert [blocks.count(f"class {name}(") for name in ("ConvBn", "Residual", "Gate")] == [1, 1, 1]
    assert blocks.count("EPSILON = 1e-5") == 1
    net = (out / "net_pt.py").read_text()
    assert "from .blocks_pt import EPSILON, ConvBn, Gate, Residual\n" in net
    assert net.count("class ") == 1
    other = (out / "other_pt.py").read_text()
    assert "from .blocks_pt import EPSILON, ConvBn, Gate, Residual\n" in other
    assert "class " not in (out / "keras_compat.py").read_text().partition("class SameConv2d")[0]
    reports = json.loads((tmp_path / "report.json").read_text())["sources"]
    found = {Path(r["source"]).name: [m["source_name"] for m in r["models"]] for r in reports}
    assert found == {"blocks.py": ["Gate"], "net.py": ["build_net"], "other.py": ["build_other"]}
    text = "import out.net_pt as n; print(sum(p.numel() for p in n.build_net(5).parameters()))"
    assert int(executed(tmp_path, text)) > 0


def test_scripts_import_each_other_by_their_names(tmp_path: Path) -> None:
    files = {"blocks.py": BLOCKS, "nets/net.py": NET.format(blocks="blocks", activation=True)}
    out = translated(tmp_path, files, "--no-test")
    assert (
        "from blocks_pt import EPSILON, ConvBn, Gate, Residual\n"
        in (out / "nets/net_pt.py").read_text()
    )
    executed(out, "import nets.net_pt as n; n.build_net()")


def test_the_same_name_in_two_files(tmp_path: Path) -> None:
    block = """
from keras import layers
def block(x, units):
    return layers.Dense(units, activation="{}")(x)
"""
    net = """
import keras
from . import a, b
def block(x, units):
    return b.block(a.block(x, units), units)
inputs = keras.Input((4,))
model = keras.Model(inputs, block(inputs, 5))
"""
    files = {"a.py": block.format("relu"), "b.py": block.format("tanh"), "net.py": net}
    out = translated(tmp_path, files, "--no-test")
    text = (out / "net_pt.py").read_text()
    assert "from .a_pt import Block as Block_1\n" in text
    assert "from .b_pt import Block as Block_2\n" in text
    assert "class Block(nn.Module):" in text
    executed(tmp_path, "import out.net_pt as n; n.Model()")


def test_files_that_import_each_other_do_not_do_so_in_torch(tmp_path: Path) -> None:
    a = """
from keras import layers
from . import b
def outer(x):
    return layers.Dense(3)(b.middle(x))
def inner(x):
    return layers.Dense(4)(x)
"""
    b = """
from keras import layers
from . import a
def middle(x):
    return layers.Dense(5)(a.inner(x))
"""
    net = """
import keras
from . import a
inputs = keras.Input((4,))
model = keras.Model(inputs, a.outer(inputs))
"""
    out = translated(tmp_path, {"a.py": a, "b.py": b, "net.py": net}, "--no-test")
    assert "class Inner(" in (out / "b_pt.py").read_text()
    executed(tmp_path, "import out.net_pt as n; n.Model()")


def test_a_model_of_keras_has_a_file_of_its_own(tmp_path: Path) -> None:
    text = """
import keras
base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense({})])
"""
    out = translated(tmp_path, {"a.py": text.format(2), "b.py": text.format(3)}, "--no-test")
    assert "class VGG16(" in (out / "keras_vgg16.py").read_text()
    for name in ("a_pt.py", "b_pt.py"):
        assert "from keras_vgg16 import VGG16\n" in (out / name).read_text()
    executed(out, "import a_pt, b_pt; a_pt.Model(); b_pt.Model()")


def test_check_and_edits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = translated(tmp_path, PACKAGE)
    translated(tmp_path, PACKAGE, "--check")
    shared = out / "keras_compat.py"
    shared.write_text(shared.read_text() + "# mine\n")
    assert main([str(tmp_path / "src"), "-o", str(out)]) == 1
    assert "keras_compat.py was edited by hand" in capsys.readouterr().err
    assert shared.read_text().endswith("# mine\n")


@pytest.mark.parametrize("blocks", [".blocks", "blocks"])
def test_parity(tmp_path: Path, blocks: str) -> None:
    files = {"blocks.py": BLOCKS, "net.py": NET.format(blocks=blocks, activation=True)}
    out = translated(tmp_path, files)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


def test_settings_with_constants_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "constants.py").write_text("MEAN = (0.5, 0.25)\nWIDTH = 6\n")
    (tmp_path / "settings.py").write_text(
        "from dataclasses import dataclass\n"
        "from constants import MEAN, WIDTH\n"
        "@dataclass\n"
        "class Settings:\n"
        "    name: str\n"
        "    WIDTH: int = 2 * WIDTH\n"
        "    mean: tuple = MEAN\n"
    )
    source = tmp_path / "net.py"
    source.write_text(
        "import keras\n"
        "from settings import Settings\n"
        "class Net(keras.Model):\n"
        "    def __init__(self, cfg: Settings, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.dense = keras.layers.Dense(cfg.WIDTH)\n"
        "        self.mean = cfg.mean[0]\n"
        "    def call(self, x):\n"
        "        return self.dense(x) - self.mean\n"
    )
    assert main([str(source), "-o", str(tmp_path / "net_pt.py")]) == 0
    code = (
        "import torch, net_pt\n"
        "net = net_pt.Net(net_pt.Settings('a'), features=3)\n"
        "print(tuple(net(torch.zeros(2, 3)).shape), float(net(torch.zeros(2, 3)).mean()))\n"
    )
    assert executed(tmp_path, code) == "(2, 12) -0.5\n"
