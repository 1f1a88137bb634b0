"""The whole way: the samples' own parity tests, and how a translation reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

from .generated import ROOT, check, module_of


def translated(text: str) -> Translation:
    return translate(text, "model.py", Options(), Log())


def test_the_parity_test_runs_with_plain_pytest(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kt_translate", "samples/mnist_convnet.py"]
    subprocess.run([*command, "-o", str(tmp_path / "net_pt.py")], check=True, cwd=ROOT)
    (test,) = tmp_path.glob("test_*_parity.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert "6 passed" in run.stdout


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


def test_a_comment_on_sizes_speaks_of_what_the_line_gives() -> None:
    text = (
        "import keras\nfrom keras import layers\n"
        "model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation='relu'),"
        " layers.MaxPooling2D(), layers.Conv2D(4, 3, activation='relu', padding='same'),"
        " layers.AveragePooling2D(), layers.Permute((2, 1, 3)), layers.Flatten()])\n"
    )
    code = translated(text).code
    assert "kernel_size=2)  # (N, 4, 3, 3)" in code


def test_a_picture_becomes_a_sequence_of_its_rows_in_one_step() -> None:
    text = (
        "import keras\nfrom keras import layers\n"
        "model = keras.Sequential([keras.Input((8, 6, 3)), layers.Conv2D(4, 3, padding='same'),"
        " layers.Reshape((8, 24)), layers.LSTM(5)])\n"
    )
    assert ".permute(0, 2, 3, 1).flatten(2)" in translated(text).code


def test_arguments_stand_without_parentheses() -> None:
    text = (
        "import keras\nfrom keras import layers\n"
        "class Block(layers.Layer):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.dense = layers.Dense(4)\n"
        "    def call(self, x, mask):\n"
        "        return self.dense(x) * keras.ops.cast(mask, 'float32')\n"
        "i = keras.Input((4,))\n"
        "model = keras.Model(i, Block()(i, i != 0))\n"
    )
    code = translated(text).code
    assert "(x, x != 0)" in code


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


def test_a_flattened_picture_keeps_keras_order_for_those_who_count_on_it() -> None:
    done = translate(FLATTENED, "flat.py", Options(), Log())
    assert "flattened=(2, 4, 3)" in done.code
    test = module_of("flat", done)
    for case in test.CASES:
        check(test, case)


ORDER = """
import keras
from keras import layers
x = keras.Input((4,))
nested = keras.Model(x, layers.Dense(4, "tanh")(layers.Dense(4)(x)))
second, first = layers.Dense(4), layers.Dense(4, "tanh")
upfront = keras.Model(x, second(first(x)))
"""


def test_modules_stand_in_the_order_in_which_keras_makes_its_layers() -> None:
    done = translate(ORDER, "order.py", Options(), Log())
    test = module_of("order", done)
    for case in test.CASES:
        check(test, case)


OPEN = """
import tf_keras as keras
from tf_keras import layers
x = start = keras.Input((None, None, 2))
for filters in (3, 4, 5, 4):
    x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same")(x))
model = keras.Model(start, layers.GlobalMaxPooling2D()(layers.Conv2D(2, 1)(x)))
"""


def test_open_sizes_are_tried_until_every_layer_gives_something() -> None:
    test = module_of("open", translate(OPEN, "open.py", Options(), Log()))
    (case,) = test.CASES
    check(test, case)
    with test.precision("float64"):
        (image,) = test.KerasSide(case, "float64").inputs
    assert min(image.shape[1:3]) >= 16


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


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the seed of Python's hashes: nothing is written in the order of a set."""
    source = Path(__file__).parents[1] / "samples" / "residual_net.py"
    outputs = []
    for seed in ("0", "1"):
        out = tmp_path / f"out_{seed}.py"
        command = [sys.executable, "-m", "kt_translate", str(source), "-o", str(out), "--quiet"]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
