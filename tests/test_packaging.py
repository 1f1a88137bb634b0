"""What is shipped: the wheel, the metadata, the documented commands."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

from kt_translate.version import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
MODEL = """\
import keras
from keras import layers

model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_wheel_has_all_it_needs_and_no_more(wheel: Path) -> None:
    assert wheel.name == f"kt_translate-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    templates = {f"kt_translate/templates/{path.name}" for path in (ROOT / "templates").iterdir()}
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("kt_translate/**/*.py")}
    shipped = {name for name in names if ".dist-info/" not in name}
    assert shipped == templates | modules | {"kt_translate/py.typed"}
    assert templates
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_translates_outside_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    (tmp_path / "model.py").write_text(MODEL)
    result = subprocess.run(
        [sys.executable, "-m", "kt_translate", "model.py", "-o", "model_pt.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    ast.parse((tmp_path / "model_pt.py").read_text())
    ast.parse((tmp_path / "test_model_parity.py").read_text())


def test_the_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    prefix = f"kt_translate-{__version__}.dist-info"
    metadata = message_from_string(archive.read(f"{prefix}/METADATA").decode())
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"
    scripts = archive.read(f"{prefix}/entry_points.txt").decode()
    assert "kt-translate = kt_translate.cli:main" in scripts


def third_party_imports() -> set[str]:
    found = set()
    for path in (ROOT / "kt_translate").rglob("*.py"):
        if "support" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    found -= sys.stdlib_module_names | {"kt_translate", "tomllib"}
    return {{"yaml": "pyyaml"}.get(name, name) for name in found}


def test_what_is_imported_is_required_and_the_other_way_round(project: dict[str, Any]) -> None:
    names = {re.split(r"[<>=!; ]", entry)[0] for entry in project["dependencies"]}
    assert third_party_imports() == {name.replace("-", "_") for name in names}


def readme_command(mark: str) -> str:
    _, found, rest = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition(f"<!-- {mark} -->\n")
    )
    assert found
    return next(line for line in rest.split("\n") if line.startswith("    ")).strip()


def test_the_commands_of_the_readme_need_nothing_but_python() -> None:
    for mark in ("try", "test"):
        first, *others = readme_command(mark).split(" && ")
        assert first == "python3 -m venv .venv"
        assert all(command.startswith(".venv/bin/") for command in others)
    sample = readme_command("try").split()[-1]
    assert (ROOT / sample).is_file()
    assert " torch==2.13.0 " in f"{readme_command('test')} ".replace(" && ", "  ")


def test_continuous_integration_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "readme_command try" in script
    assert "readme_command test" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    awk = re.search(r"awk .*? README\.md", script, re.DOTALL)
    assert awk
    for mark in ("try", "test"):
        shell = awk[0].replace("$1", mark).replace(f'"<!-- {mark} -->"', f"'<!-- {mark} -->'")
        printed = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
        assert printed.stdout.strip() == readme_command(mark)


def test_the_options_of_the_readme_are_those_of_the_command() -> None:
    command = [sys.executable, "-m", "kt_translate", "--help"]
    usage = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", usage)) - {"--help"}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert options - {"--version", "--output"} <= set(re.findall(r"--[a-z][a-z-]+", text))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md"])
def test_links_between_the_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
