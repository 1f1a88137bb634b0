"""Settings that the source reads from files beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

MODEL = """
start = keras.Input(tuple(cfg["shape"]))
x = layers.Dense(cfg["net"]["units"], activation=cfg["net"]["act"])(start)
model = keras.Model(start, layers.Dropout(cfg["net"]["rate"])(x))
"""
HEAD = "import json\nimport yaml\nimport keras\nfrom keras import layers\n"
READERS = {
    "json.load": ("with open('net.json') as f:\n    cfg = json.load(f)\n"),
    "json.loads": ("cfg = json.loads(open('net.json', 'r').read())\n"),
    "yaml.safe_load": ("cfg = yaml.safe_load(open('net.yml'))\n"),
    "yaml.load": (
        "def read(path):\n"
        "    with open(path) as f:\n"
        "        return yaml.load(f, Loader=yaml.FullLoader)\n"
        "cfg = read('net.yml')\n"
    ),
}


def translated(folder: Path, text: str) -> tuple[Translation, list[str]]:
    log = Log()
    done = translate(text, "model.py", Options(path=folder / "model.py"), log)
    return done, [d.code for d in log.diagnostics]


@pytest.mark.parametrize("reader", READERS)
def test_settings_are_read_where_the_file_is_there(tmp_path: Path, reader: str) -> None:
    (tmp_path / "net.json").write_text(
        '{"shape": [3], "net": {"units": 5, "act": "tanh", "rate": 0.3}}'
    )
    (tmp_path / "net.yml").write_text("shape: [3]\nnet: {units: 5, act: tanh, rate: 0.3}\n")
    done, codes = translated(tmp_path, HEAD + READERS[reader] + MODEL)
    assert codes == ["KT301"]
    assert "nn.Linear(3, 5)" in done.code
    assert "torch.tanh(" in done.code
    assert "nn.Dropout(0.3)" in done.code


@pytest.mark.parametrize("content", [None, "{]", "{}", "\0", " " * 1_000_001])
def test_files_that_tell_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "net.json").write_text(content)
    done, codes = translated(tmp_path, HEAD + READERS["json.load"] + MODEL)
    assert "KT005" not in codes
    assert not any(m["status"] == "translated" for m in done.models)
    assert {"KT102", "KT106"} & set(codes)
