"""Notebooks become Python text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kt_translate.cli import main
from kt_translate.source.notebook import python_cell, read_notebook
from tests.fake_pipeline import install


def notebook(*cells: str | list[str], **metadata: object) -> str:
    entries = [{"cell_type": "code", "source": cell} for cell in cells]
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": entries})


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("x = 1", "x = 1"),
        ("", ""),
        ("%matplotlib inline\nx = 1", "pass  # %matplotlib inline\nx = 1"),
        ("if x:\n    !pip install keras\ny = 2", "if x:\n    pass  # !pip install keras\ny = 2"),
        ("keras.layers.Dense?\nhelp??", "pass  # keras.layers.Dense?\npass  # help??"),
        ("?keras", "pass  # ?keras"),
        ("!pip install a \\\n  b\nx = 1", "pass  # !pip install a \\\n#   b\nx = 1"),
        ("files = !ls *.h5", "files = get_ipython().getoutput('ls *.h5')"),
        ("d = %pwd", "d = get_ipython().run_line_magic('pwd')"),
        ("%%time\nmodel = f()", "pass  # %%time\nmodel = f()"),
        ("%%bash\npip install\nrm x", "# %%bash\n# pip install\n# rm x"),
        ("\n%%writefile a.py\nx = 1", "#\n# %%writefile a.py\n# x = 1"),
        ("s = '''\n%d items\n!'''\n%time", "s = '''\n%d items\n!'''\npass  # %time"),
        ("f(a\n  % b)\n%time", "f(a\n  % b)\npass  # %time"),
        ("x = a \\\n  % b\n!ls", "x = a \\\n  % b\npass  # !ls"),
        ("x = '(' # )\n!ls", "x = '(' # )\npass  # !ls"),
        ("await f()", "await f()"),
    ],
)
def test_cells(cell: str, text: str) -> None:
    assert python_cell(cell) == (text, "")
    compile(text.replace("await ", ""), "cell", "exec")


def test_a_cell_that_is_not_python_is_left_out_and_told() -> None:
    text, problem = python_cell('print "loss"\nx = 1')
    assert text == '# print "loss"\n# x = 1'
    assert problem


def test_lines_know_their_cells() -> None:
    first, second = ["import keras\n", "x = 1\n"], "y = 2\nz = 3"
    found = read_notebook(notebook(first, second, 'print "a"'))
    assert found.text == 'import keras\nx = 1\n\ny = 2\nz = 3\n\n# print "a"\n'
    assert [found.cell(line) for line in (1, 2, 4, 5, 7)] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (3, 1),
    ]
    assert [line for line, _ in found.left_out] == [7]


def test_other_forms() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1\n", "y = 2"]}]}]}
    assert read_notebook(json.dumps(old)).text == "x = 1\ny = 2\n"
    assert read_notebook('{"cells": []}').text == "\n"
    assert read_notebook('{"cells": []}').cell(1) == (1, 1)
    mixed = {"cells": [{"cell_type": "markdown", "source": "# title"}, {"cell_type": "code"}]}
    assert read_notebook(json.dumps(mixed)).text == "\n"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"a": 1}',
        '{"cells": 3}',
        '{"cells": [3]}',
        "[" * 100_000,
        '{"worksheets": 1}',
    ],
)
def test_what_is_no_notebook(content: str) -> None:
    with pytest.raises(ValueError, match="not a notebook"):
        read_notebook(content)


def test_a_notebook_in_another_language() -> None:
    with pytest.raises(ValueError, match="in julia"):
        read_notebook(notebook("x = 1", language_info={"name": "julia"}))


def test_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    install(monkeypatch)
    Path("net.ipynb").write_text(notebook("import keras", "keras.Dense(3)\nRare()", 'print "x"'))
    assert main(["net.ipynb", "-o", "net_pt.py"]) == 1
    assert Path("net_pt.py").read_text().startswith("# kt-translate 0.1.0: from net.ipynb")
    assert Path("test_net_parity.py").exists()
    err = capsys.readouterr().err
    assert "net.ipynb:cell 2:2:1: KT201 no rule yet for Rare\n    2 | Rare()" in err
    assert "net.ipynb:cell 3:1:1: KT104 this cell is not Python and was left out" in err
    Path("bad.ipynb").write_text("{")
    assert main(["bad.ipynb"]) == 2
    assert "KT001 cannot read the source: not a notebook" in capsys.readouterr().err


CELLS = [
    ("markdown", "# Digits"),
    ("code", "!pip install -q keras\n%matplotlib inline\nimport keras\nfrom keras import layers"),
    ("raw", "as it is"),
    ("code", "keras.Model?\nunits = 3"),
    ("code", ""),
    ("markdown", "## A model"),
    (
        "code",
        "%%time\nmodel = keras.Sequential([keras.Input((4,)), layers.Dense(units)])\nmodel.summary()",
    ),
    ("code", "model.compile('sgd', 'mse')\n%time model.fit(x, y)"),
    ("markdown", "## A builder"),
    (
        "code",
        "def build(width=5):\n    i = keras.Input((4,))\n    return keras.Model(i, layers.Dense(width)(i))",
    ),
    ("markdown", "The end."),
]


def written(folder: Path) -> Path:
    cells = [{"cell_type": kind, "metadata": {}, "source": text} for kind, text in CELLS]
    (folder / "nb.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return folder / "nb_pt.ipynb"


def test_a_notebook_becomes_a_notebook(tmp_path: Path) -> None:
    out = written(tmp_path)
    assert main([str(tmp_path / "nb.ipynb"), "-o", str(out)]) == 0
    cells = json.loads(out.read_text())["cells"]
    kept = [c for c in cells if c["cell_type"] != "code"][1:]
    assert ["".join(c["source"]) for c in kept] == [t for kind, t in CELLS if kind != "code"]
    told = ["".join(c["source"]) for c in cells]
    order = [
        "import torch",
        "as it is",
        "units = 3",
        "## A model",
        "class Model(",
        "def make_optimizer(",
    ]
    order += ["## A builder", "def build(", "The end."]
    places = [next(i for i, text in enumerate(told) if word in text) for word in order]
    assert places == sorted(places)
    assert "(nb.ipynb, cell 4, line 2)" in told[places[4]]
    assert not any("__main__" in text for text in told)
    scope: dict[str, object] = {"__name__": "__main__"}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), scope)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


def test_a_notebook_that_was_only_run_is_not_edited(tmp_path: Path) -> None:
    out = written(tmp_path)
    command = [str(tmp_path / "nb.ipynb"), "-o", str(out), "--no-test"]
    assert main(command) == 0
    document = json.loads(out.read_text())
    document["cells"][2]["outputs"] = [{"output_type": "stream", "text": ["done"]}]
    out.write_text(json.dumps(document))
    assert main([*command, "--check"]) == 0
    assert "done" in out.read_text()
    assert main([str(out)]) == 2
    document["cells"][2]["source"] += ["# mine"]
    out.write_text(json.dumps(document))
    assert main(command) == 1
    assert "# mine" in out.read_text()
    assert main([*command, "--force"]) == 0
    assert main([str(tmp_path / "m.py"), "-o", str(out)]) == 2
