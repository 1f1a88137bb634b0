"""The hooks, run by pre-commit itself in a git repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MODEL = """\
import keras
from keras import layers

model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
"""


def hooks() -> dict[str, dict[str, object]]:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    return {hook["id"]: hook for hook in yaml.safe_load(text)}


def test_the_declared_hooks() -> None:
    assert hooks().keys() == {"kt-translate", "kt-translate-check"}
    assert hooks()["kt-translate"]["entry"] == "kt-translate --hook"
    assert hooks()["kt-translate-check"]["entry"] == "kt-translate --hook --check"
    for hook in hooks().values():
        assert hook["language"] == "python"
        assert hook["types"] == ["python"]
        assert hook["require_serial"] is True


class Repository:
    """A scratch git repository in which the hooks run from this checkout."""

    def __init__(self, folder: Path, hook: str) -> None:
        self.folder = folder
        entry = str(hooks()[hook]["entry"])
        command = f"{sys.executable} -m kt_translate"
        local = {**hooks()[hook], "entry": entry.replace("kt-translate", command, 1)}
        local["language"] = "system"
        config = {"repos": [{"repo": "local", "hooks": [local]}]}
        (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
        self.run("git", "init", "-q")
        self.run("git", "add", ".pre-commit-config.yaml")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PRE_COMMIT_HOME": str(self.folder / ".git" / "pre-commit-home"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def commit_hook(self) -> tuple[int, str]:
        self.run("git", "add", ".")
        result = self.run(sys.executable, "-m", "pre_commit", "run")
        return result.returncode, result.stdout + result.stderr

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.py"))


@pytest.fixture
def rewriting(tmp_path: Path) -> Repository:
    assert shutil.which("git")
    return Repository(tmp_path, "kt-translate")


def test_translations_follow_their_sources(rewriting: Repository) -> None:
    (rewriting.folder / "model.py").write_text(MODEL)
    (rewriting.folder / "data.py").write_text("numbers = [1, 2]\n")
    (rewriting.folder / "plots.py").write_text('"""Plots of keras histories."""\n')
    status, text = rewriting.commit_hook()
    assert status == 1, text
    assert "wrote model_pt.py" in text
    written = ["model_pt.py", "test_model_parity.py"]
    assert rewriting.files() == sorted(["data.py", "model.py", "plots.py", *written])
    status, text = rewriting.commit_hook()
    assert status == 0, text
    first = (rewriting.folder / "model_pt.py").read_text()
    (rewriting.folder / "model.py").write_text(MODEL.replace("Dense(3", "Dense(7"))
    status, text = rewriting.commit_hook()
    assert status == 1, text
    assert "rewrote model_pt.py" in text
    assert first != (rewriting.folder / "model_pt.py").read_text()
    assert rewriting.commit_hook()[0] == 0


def test_the_check_writes_nothing(tmp_path: Path) -> None:
    checking = Repository(tmp_path, "kt-translate-check")
    (tmp_path / "model.py").write_text(MODEL)
    status, text = checking.commit_hook()
    assert status == 1, text
    assert "model_pt.py is missing" in text
    assert checking.files() == ["model.py"]
