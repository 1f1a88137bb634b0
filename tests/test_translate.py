"""The whole way: the samples' own parity tests, and how a translation reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "samples").glob("*.py"))


def translated(text: str) -> Translation:
    return translate(text, "model.py", Options(), Log())


def test_samples_agree_with_keras(tmp_path: Path) -> None:
    for sample in SAMPLES:
        out = tmp_path / f"{sample.stem}_pt.py"
        command = [sys.executable, "-m", "kt_translate", str(sample), "-o", str(out)]
        subprocess.run([*command, "--report", str(tmp_path / "r.json")], check=True, cwd=ROOT)
        report = json.loads((tmp_path / "r.json").read_text())
        assert report["models"]
        assert all(m["status"] == "translated" for m in report["models"])
    tests = [str(p) for p in tmp_path.glob("test_*_parity.py")]
    assert len(tests) == len(SAMPLES)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("eps=0.001", "eps=1e-5"),
        ("F.relu(self.conv2d(x))", "self.conv2d(x)"),
        ("stride=2, padding=1", "stride=2, padding=0"),
        ("flattened=(64, 7, 7)", "flattened=(49, 8, 8)"),
        ("F.max_pool2d", "F.avg_pool2d"),
        ("dim=1", "dim=0"),
    ],
)
def test_a_mistake_is_caught(tmp_path: Path, right: str, wrong: str) -> None:
    text = (ROOT / "samples" / "mnist_convnet.py").read_text()
    done = translate(text, "mnist_convnet.py", Options(), Log())
    assert right in done.code
    assert done.test is not None
    (tmp_path / "mnist_convnet_pt.py").write_text(done.code.replace(right, wrong))
    (tmp_path / "test_parity.py").write_text(done.test)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "test_parity.py"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 1


def test_how_a_sequential_model_reads() -> None:
    code = translated(
        "import keras\n"
        "from keras import layers\n"
        "width = 64\n"
        "mlp = keras.Sequential([\n"
        "    keras.Input((20,)),\n"
        "    layers.Dense(width, activation='relu', name='hidden'),\n"
        "    layers.Dense(3),\n"
        "])\n"
    ).code
    assert "width = 64" in code
    assert "self.hidden = nn.Linear(20, width)" in code
    assert "self.dense(F.relu(self.hidden(x)))" in code
    assert "import keras" not in code


def test_what_has_no_rule_is_said() -> None:
    log = Log()
    text = "import keras\nm = keras.Sequential([keras.Input((4,)), keras.layers.Nonsense(3)])\n"
    done = translate(text, "model.py", Options(), log)
    assert [d.code for d in log.diagnostics if d.severity == "error"][:1] == ["KT201"]
    assert all(m["status"] != "translated" for m in done.models)


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys; from kt_translate.pipeline import Options, translate; from kt_translate.diagnostics import Log;"
        "translate('import keras\\nm = keras.Sequential([keras.Input((4,))])', 'm.py', Options(), Log());"
        "assert not {'torch', 'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


FLATTENED = """
import keras
from keras import layers
a = keras.Sequential([keras.Input((5, 4, 3)), layers.Conv2D(2, 3), layers.Flatten()])
picture = keras.Input((5, 4, 3))
flat = layers.Dropout(0.5)(layers.Flatten()(layers.Conv2D(2, 2)(picture)))
b = keras.Model(picture, [layers.Dense(3)(flat), layers.LayerNormalization()(flat), flat * 2.0])
"""


def test_a_flattened_picture_keeps_keras_order_for_those_who_count_on_it(tmp_path: Path) -> None:
    done = translate(FLATTENED, "flat.py", Options(), Log())
    assert done.test is not None
    assert "flattened=(2, 4, 3)" in done.code
    (tmp_path / "flat_pt.py").write_text(done.code)
    (tmp_path / "test_parity.py").write_text(done.test)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_parity.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]


ORDER = """
import keras
from keras import layers
x = keras.Input((4,))
nested = keras.Model(x, layers.Dense(4, "tanh")(layers.Dense(4)(x)))
second, first = layers.Dense(4), layers.Dense(4, "tanh")
upfront = keras.Model(x, second(first(x)))
"""


def test_modules_stand_in_the_order_in_which_keras_makes_its_layers(tmp_path: Path) -> None:
    done = translate(ORDER, "order.py", Options(), Log())
    assert done.test is not None
    (tmp_path / "order_pt.py").write_text(done.code)
    (tmp_path / "test_parity.py").write_text(done.test)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_parity.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.mark.parametrize(
    ("text", "name", "kind", "code"),
    [
        (
            "def build(n):\n    x = keras.Input((n,))\n    return keras.Model(x, mystery(x)), 3\n",
            "build",
            "function",
            "KT107",
        ),
        ("class Block(keras.layers.Layer):\n    pass\n", "Block", "layer", "KT201"),
        ("class Net(keras.Model):\n    pass\n", "Net", "class", "KT201"),
    ],
)
def test_what_builds_a_model_and_is_not_translated_is_reported(
    text: str, name: str, kind: str, code: str
) -> None:
    log = Log()
    done = translate("import keras\n" + text, "model.py", Options(), log)
    entry = {k: done.models[0][k] for k in ("source_name", "source_kind", "line", "status")}
    assert entry == {"source_name": name, "source_kind": kind, "line": 2, "status": "unsupported"}
    assert code in {d.code for d in log.diagnostics if d.severity == "error"}


def test_a_check_of_what_is_not_known_is_passed() -> None:
    text = (
        "import os\nimport keras\n"
        "def build(width=3, weights=None):\n"
        "    if not os.path.exists(weights):\n"
        "        raise ValueError(weights)\n"
        "    x = keras.Input((4,))\n"
        "    return keras.Model(x, keras.layers.Dense(width)(x))\n"
    )
    assert translated(text).models[0]["status"] == "translated"
