"""[tool.kt-translate] in pyproject.toml, and the hook that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt_translate.cli import main
from kt_translate.config import Config, ConfigError, load_config, parse_shape
from tests.fake_pipeline import MODEL, FakePipeline, install


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakePipeline:
    monkeypatch.chdir(tmp_path)
    Path("src/nets").mkdir(parents=True)
    Path("src/nets/model.py").write_text(MODEL)
    return install(monkeypatch)


def configure(table: str) -> None:
    Path("pyproject.toml").write_text(f"[project]\nname = 'x'\n\n[tool.kt-translate]\n{table}")


def hook(*words: str) -> int:
    return main(["--hook", *words])


def written() -> list[str]:
    files = (path.relative_to(".").as_posix() for path in Path().rglob("*.py"))
    return sorted(file for file in files if file != "src/nets/model.py")


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ("28,28,1", (28, 28, 1)),
        (" ( None, 64, ) ", (None, 64)),
        ("[?,-1]", (None, None)),
        ("7", (7,)),
        ("()", ()),
        ("", ()),
    ],
)
def test_shapes(text: str, dims: tuple[int | None, ...]) -> None:
    assert parse_shape(text) == dims


@pytest.mark.parametrize("text", ["0", "28;28", "-3", "1.5", "a", "28,,1", "²"])
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a shape"):
        parse_shape(text)


def test_the_nearest_file_counts() -> None:
    assert load_config(Path("src/nets")) == Config()
    configure("no-test = true\nexclude = ['old/*']\nset = {units = 8, mode = 'a'}\n")
    config = load_config(Path("src/nets"))
    assert config.no_test
    assert config.exclude == ("old/*",)
    assert config.settings == {"units": "8", "mode": "'a'"}
    Path("src/pyproject.toml").write_text("[project]\nname = 'inner'\n")
    assert load_config(Path("src/nets")) == Config()


def test_shapes_and_settings_are_defaults_of_the_command_line(fake: FakePipeline) -> None:
    configure("input-shape = {a = [28, 28, 1], b.image = '0x'}\n")
    assert main(["src/nets/model.py"]) == 2
    configure(
        "input-shape = {a = [28, 28, 1], b.image = [-1, 3], c = '4,?'}\nset = {n = 1, m = 2}\n"
    )
    assert main(["src/nets/model.py", "--input-shape", "a=5", "--set", "n=3"]) == 0
    options = fake.calls[0][1]
    assert options.input_shapes == {"a": (5,), "b.image": (None, 3), "c": (4, None)}
    assert options.settings == {"n": "3", "m": "2"}
    configure("input-shape = [784]\n")
    main(["src/nets/model.py"])
    assert fake.calls[1][1].input_shapes == {"": (784,)}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("outptu = 'x.py'", "does not know outptu"),
        ("output = 3", "output must be a pattern"),
        ("output = '{name}.py'", "the placeholders are"),
        ("output = 'x.txt'", "must end in .py"),
        ("exclude = 'x'", "exclude must be a list"),
        ("no-test = 1", "no-test must be true or false"),
        ("set = 1", "set must be a table"),
        ("input-shape = {a = 1.5}", "is not a list of sizes"),
        ("a = [", "pyproject.toml"),
    ],
)
def test_what_is_wrong_is_said(
    table: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(table)
    assert main(["src/nets/model.py"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("'torch_{stem}.py'", "src/nets/torch_model.py"),
        ("'torch/'", "torch/src/nets/model_pt.py"),
        ("'torch/{folder}/{stem}.py'", "torch/src/nets/model.py"),
        ("{'src/*' = 'a/{stem}.py', '*' = 'b/{stem}.py'}", "a/model.py"),
        ("{'src/nets/' = 'a/'}", "a/src/nets/model_pt.py"),
        ("{'other/*' = 'a/'}", "src/nets/model_pt.py"),
    ],
)
def test_where_the_hook_writes(output: str, path: str) -> None:
    configure(f"output = {output}\nno-test = true\n")
    assert hook("src/nets/model.py") == 1
    assert written() == [path]
    assert hook("src/nets/model.py") == 0


def test_the_hook_changes_what_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert hook() == 0
    assert hook("src/nets/model.py", "--check") == 1
    assert written() == []
    assert hook("src/nets/model.py") == 1
    assert "kt-translate: wrote src/nets/model_pt.py" in capsys.readouterr().err
    assert written() == ["src/nets/model_pt.py", "src/nets/test_model_parity.py"]
    files = ["src/nets/model.py", *written()]
    assert hook(*files) == 0
    assert hook(*files, "--check") == 0
    Path("src/nets/model.py").write_text(MODEL + "# more\n")
    assert hook(*files, "--check") == 1
    assert hook(*files) == 1
    assert "kt-translate: rewrote src/nets/model_pt.py" in capsys.readouterr().err
    Path("src/nets/model_pt.py").write_text(Path("src/nets/model_pt.py").read_text() + "x = 1\n")
    assert hook(*files) == 1
    assert "x = 1" in Path("src/nets/model_pt.py").read_text()


def test_the_hook_passes_over_what_builds_no_model(fake: FakePipeline) -> None:
    Path("numbers.py").write_text("Dense = 1\n")
    Path("plots.py").write_text("import keras\nRare = 1\n")
    configure("exclude = ['src/']\n")
    assert hook("numbers.py", "plots.py", "src/nets/model.py") == 0
    assert written() == ["numbers.py", "plots.py"]
    assert [name for name, _ in fake.calls] == ["plots.py"]


def test_folders_may_go_where_the_project_says() -> None:
    configure("output = 'torch/'\nno-test = true\n")
    assert main(["src"]) == 0
    assert written() == ["torch/src/nets/model_pt.py"]
