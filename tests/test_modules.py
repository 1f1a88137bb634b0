"""Sources that import other files of their project: these are read beside them, and never imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

from .generated import check, module_of

BLOCKS = """
from keras import layers
WIDTH = 12
def residual(x, filters):
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.add([layers.Conv2D(filters, 1)(x), y])
"""
MODEL = """
import keras
{imports}
inputs = keras.Input((8, 8, 3))
model = keras.Model(inputs, {call}(inputs, 5))
"""


def translated(
    folder: Path, files: dict[str, str], main: str = "net.py", *, tested: bool = False
) -> Translation:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    path = folder / main
    return translate(path.read_text(), path.name, Options(path=path, want_test=tested), Log())


def messages(done: Translation) -> list[str]:
    return [f"{d.code} {d.place.line} {d.message}" for d in done.log.diagnostics]


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("from blocks import residual", "residual"),
        ("from blocks import residual as block", "block"),
        ("import blocks", "blocks.residual"),
        ("import blocks as b", "b.residual"),
        ("from .blocks import residual", "residual"),
        ("from . import blocks", "blocks.residual"),
        ("from blocks import *", "residual"),
        (
            "try:\n    from .missing import residual\nexcept ImportError:\n    from blocks import residual",
            "residual",
        ),
        (
            "try:\n    from keras.engine import merge\nexcept ImportError:\n    from blocks import residual",
            "residual",
        ),
    ],
)
def test_a_file_beside_the_source(tmp_path: Path, imports: str, call: str) -> None:
    files = {"net.py": MODEL.format(imports=imports, call=call), "blocks.py": BLOCKS}
    done = translated(tmp_path, files)
    assert [m["status"] for m in done.models] == ["translated"]
    assert "class Residual(nn.Module):" in done.code
    assert "``residual`` (blocks.py:4)" in done.code
    assert "self.residual = Residual(3, filters=5)" in done.code
    assert messages(done) == []


def test_packages_are_searched_up_to_the_root(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/parts/__init__.py": "from .blocks import residual",
        "pkg/parts/blocks.py": BLOCKS,
        "pkg/nets/__init__.py": "",
        "pkg/nets/net.py": MODEL.format(
            imports="from pkg.parts import residual\nfrom ..parts import blocks", call="residual"
        ),
    }
    done = translated(tmp_path, files, "pkg/nets/net.py")
    assert "``residual`` (../parts/blocks.py:4)" in done.code
    assert messages(done) == []


def test_files_that_import_each_other(tmp_path: Path) -> None:
    files = {
        "net.py": MODEL.format(imports="from blocks import residual", call="residual"),
        "blocks.py": f"from other import helper\nfrom net import model\n{BLOCKS}",
        "other.py": "from blocks import residual\ndef helper(x): return x",
    }
    assert [m["status"] for m in translated(tmp_path, files).models] == ["translated"]


def test_constants_keep_their_names(tmp_path: Path) -> None:
    call = "keras.layers.Dense(blocks.WIDTH)"
    text = f"import keras, blocks\nmodel = keras.Sequential([keras.Input((4,)), {call}])\n"
    done = translated(tmp_path, {"net.py": text, "blocks.py": BLOCKS})
    assert "WIDTH = 12" in done.code
    assert "nn.Linear(4, WIDTH)" in done.code
    done = translated(tmp_path, {"net.py": f"WIDTH = 3\n{text}", "blocks.py": BLOCKS})
    assert "nn.Linear(4, 12)" in done.code


def test_a_builder_of_another_file(tmp_path: Path) -> None:
    builder = """
import keras
def build(width=4):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(width)])
"""
    files = {"net.py": "from nets import build\n\nmodel = build(7)\n", "nets.py": builder}
    done = translated(tmp_path, files)
    assert [(m["source_name"], m["line"]) for m in done.models] == [("build", 1), ("model", 3)]
    assert "``build`` (nets.py:3)" in done.code


def test_what_is_wrong_in_another_file_is_told_where_it_is_used(tmp_path: Path) -> None:
    block = 'from keras import layers\n\ndef block(x, n):\n    return layers.Conv2D(n, 3, padding="odd")(x)\n'
    files = {
        "net.py": MODEL.format(imports="import blocks", call="blocks.block"),
        "blocks.py": block,
    }
    found = [m for m in messages(translated(tmp_path, files)) if m.startswith("KT203")]
    assert len(found) == 1
    assert found[0].startswith("KT203 5 ")
    assert "(blocks.py:4)" in found[0]


def test_a_class_of_another_file_is_told_where_it_is_imported(tmp_path: Path) -> None:
    layer = "\n\n\nclass Odd(layers.Layer):\n    def call(self, x):\n        return elsewhere(x)\n"
    files = {
        "net.py": "import keras\nfrom odd import Odd\n",
        "odd.py": f"from keras import layers\n{layer}",
    }
    found = [m for m in messages(translated(tmp_path, files)) if m.startswith("KT201")]
    assert found == ["KT201 2 the class Odd is not translated (odd.py:5)"]


def test_a_file_that_is_not_python_is_said(tmp_path: Path) -> None:
    files = {
        "net.py": MODEL.format(imports="from blocks import residual", call="residual"),
        "blocks.py": "def (",
    }
    assert any("blocks.py cannot be read" in m for m in messages(translated(tmp_path, files)))


def test_nothing_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    text = f"open({str(mark)!r}, 'w').close()\n{BLOCKS}"
    files = {
        "net.py": MODEL.format(imports="from blocks import residual", call="residual"),
        "blocks.py": text,
    }
    assert translated(tmp_path, files).models
    assert not mark.exists()


def test_standard_input_has_no_files() -> None:
    text = MODEL.format(imports="from blocks import residual", call="residual")
    done = translate(text, "<stdin>", Options(want_test=False), Log())
    assert all(m["status"] != "translated" for m in done.models)


def test_the_parity_test_takes_the_other_files_along(tmp_path: Path) -> None:
    imports = """
from pkg import parts
from ..sizes import FILTERS as N
from ..sizes import *
import pkg.parts.blocks as b
"""
    files = {
        "pkg/__init__.py": "",
        "pkg/sizes.py": "from data import load_data\nFILTERS, SIDE = 5, len(load_data('x')) and 3\n",
        "pkg/parts/__init__.py": "from .blocks import residual\nprint(open('absent').read())",
        "pkg/parts/blocks.py": f"from ..nets import net\n{BLOCKS}",
        "pkg/nets/__init__.py": "",
        "pkg/nets/net.py": f"{MODEL.format(imports=imports, call='parts.residual')}"
        "other = keras.Model(inputs, b.residual(b.residual(inputs, N), b.WIDTH))\n",
    }
    done = translated(tmp_path, files, "pkg/nets/net.py", tested=True)
    test = module_of("net", done)
    assert [case["name"] for case in test.CASES] == ["model", "other"]
    assert set(test.MODULES) == {"pkg.parts", "pkg.parts.blocks", "pkg.sizes"}
    for case in test.CASES:
        check(test, case)
