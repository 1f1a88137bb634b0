"""The command line: what it writes, what it says, how it ends."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kt_translate.cli import main
from tests.fake_pipeline import MODEL, FakePipeline, install

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakePipeline:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    return install(monkeypatch)


def run(*words: object) -> int:
    return main([str(word) for word in words])


def names() -> list[str]:
    return sorted(path.relative_to(".").as_posix() for path in Path().rglob("*") if path.is_file())


def test_to_standard_output(capsys: pytest.CaptureFixture[str], fake: FakePipeline) -> None:
    assert run("model.py") == 0
    out, err = capsys.readouterr()
    assert out.startswith("# kt-translate 0.1.0: from model.py sha256:")
    assert '"""Made of model.py."""\n' in out
    assert err == "kt-translate: translated 1 model\n"
    assert names() == ["model.py"]
    name, options = fake.calls[0]
    assert (name, options.path, options.want_test) == ("model.py", Path("model.py"), False)


def test_output_and_test_are_written_with_their_hashes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("model.py", "-o", "model_pt.py") == 0
    assert names() == ["model.py", "model_pt.py", "test_model_parity.py"]
    source = hashlib.sha256(MODEL.encode()).hexdigest()[:12]
    for file in ("model_pt.py", "test_model_parity.py"):
        header, body = Path(file).read_text().split("\n", 1)
        own = hashlib.sha256(body.encode()).hexdigest()[:12]
        assert header == (
            f"# kt-translate 0.1.0: from model.py sha256:{source}, " f"this file sha256:{own}"
        )
    assert capsys.readouterr().out == ""


def test_where_the_test_goes(fake: FakePipeline) -> None:
    Path("out").mkdir()
    assert run("model.py", "-o", "out/a.py", "--no-test") == 0
    assert names() == ["model.py", "out/a.py"]
    assert not fake.calls[-1][1].want_test
    assert run("model.py", "-o", "out/a.py", "--test", "out/check.py") == 0
    assert names() == ["model.py", "out/a.py", "out/check.py"]
    assert run("model.py", "--test", "t.py") == 0
    assert Path("t.py").exists()


def test_standard_input(monkeypatch: pytest.MonkeyPatch, fake: FakePipeline) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MODEL.encode())))
    assert run("-", "-o", "net_pt.py") == 0
    assert names() == ["model.py", "net_pt.py", "test_net_parity.py"]
    assert fake.calls[0][0] == "<stdin>"
    assert fake.calls[0][1].path is None


def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.py").write_text(MODEL + "x = Rare(3)\n")
    assert run("model.py", "-o", "model_pt.py", "--report", "report.json") == 1
    assert json.loads(Path("report.json").read_text()) == {
        "schema": 1,
        "source": "model.py",
        "output": "model_pt.py",
        "keras": "3",
        "models": [{"source_name": "model", "status": "translated"}],
        "training": [],
        "diagnostics": [
            {
                "code": "KT201",
                "severity": "error",
                "message": "no rule yet for Rare",
                "line": 4,
                "column": 4,
                "hint": "write it",
            }
        ],
    }
    assert run("model.py", "--report", "report.json") == 1
    assert json.loads(Path("report.json").read_text())["output"] is None


@pytest.mark.parametrize(
    ("line", "status"),
    [("", 0), ("guess", 0), ("plot", 0), ("Rare", 1), ('print "x"', 2), ("BOOM", 3)],
)
def test_exit_status(line: str, status: int) -> None:
    Path("model.py").write_text(f"{MODEL}{line}\n")
    assert run("model.py", "-o", "model_pt.py", "--report", "r.json") == status
    written = ["model_pt.py", "r.json", "test_model_parity.py"] if status < 2 else []
    assert names() == sorted(["model.py", *written])


def test_what_is_not_python_has_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.py").write_text('import keras\nprint "x"\n')
    assert run("model.py") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert 'model.py:2:7: KT002 not Python: invalid syntax\n    2 | print "x"' in err


def test_an_error_of_our_own_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.py").write_text("BOOM")
    assert run("model.py") == 3
    err = capsys.readouterr().err
    assert "model.py: an error of kt-translate itself, at " in err
    assert "KeyError: 'a defect'" in err
    assert "report it" in err
    assert "Traceback" not in err
    assert run("model.py", "--verbose") == 3
    assert "Traceback" in capsys.readouterr().err


def test_check_and_diff(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("model.py", "-o", "model_pt.py", "--check") == 1
    assert "model_pt.py is missing" in capsys.readouterr().err
    assert names() == ["model.py"]
    run("model.py", "-o", "model_pt.py")
    assert run("model.py", "-o", "model_pt.py", "--check") == 0
    Path("model.py").write_text(MODEL + "# more\n")
    before = Path("model_pt.py").read_text()
    capsys.readouterr()
    assert run("model.py", "-o", "model_pt.py", "--check", "--diff") == 1
    out, err = capsys.readouterr()
    assert "model_pt.py is out of date" in err or "--- model_pt.py" in out
    assert f"-# {len(MODEL)} characters\n+# {len(MODEL) + 7} characters\n" in out
    assert run("model.py", "-o", "model_pt.py", "--diff", "--report", "r.json") == 0
    assert Path("model_pt.py").read_text() == before
    assert not Path("r.json").exists()
    Path("test_model_parity.py").unlink()
    run("model.py", "-o", "model_pt.py", "--no-test")
    assert run("model.py", "-o", "model_pt.py", "--check") == 1
    assert run("model.py", "-o", "model_pt.py", "--check", "--no-test") == 0


def test_an_edited_output_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    run("model.py", "-o", "model_pt.py")
    Path("model.py").write_text(MODEL + "# more\n")
    assert run("model.py", "-o", "model_pt.py") == 0
    for edited in (Path("model_pt.py").read_text() + "# mine\n", "# somebody's file\n"):
        Path("model_pt.py").write_text(edited)
        capsys.readouterr()
        assert run("model.py", "-o", "model_pt.py", "--report", "r.json") == 1
        assert "KT004 model_pt.py was edited by hand" in capsys.readouterr().err
        assert Path("model_pt.py").read_text() == edited
        assert json.loads(Path("r.json").read_text())["diagnostics"][0]["code"] == "KT004"
    assert run("model.py", "-o", "model_pt.py", "--force") == 0
    assert "Made of" in Path("model_pt.py").read_text()
    Path("model_pt.py").write_text("")
    assert run("model.py", "-o", "model_pt.py") == 0


def test_other_line_ends_are_no_edit() -> None:
    run("model.py", "-o", "model_pt.py")
    Path("model_pt.py").write_bytes(Path("model_pt.py").read_bytes().replace(b"\n", b"\r\n"))
    assert run("model.py", "-o", "model_pt.py", "--check") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no SOURCE is given"),
        (["model.py", "-o", "model.py"], "model.py is a source"),
        (["model.py", "-o", "./../{here}/model.py"], "is a source"),
        (["model.py", "-o", "folder"], "cannot write folder: it is a folder"),
        (["model.py", "-o", "missing/a.py"], "there is no folder missing"),
        (["model.py", "-o", "a.py", "--test", "a.py"], "two outputs would be a.py"),
        (["model.py", "-o", "a.py", "--report", "a.py"], "is the source or another output"),
        (["model.py", "--report", "model.py"], "is the source or another output"),
        (["model.py", "--check"], "give -o OUT"),
        (["model.py", "other.py"], "several sources need -o FOLDER"),
        (["model.py", "-"], "standard input cannot be one of several"),
        (["folder", "-o", "out"], "no Python file"),
        (["model.py", "other.py", "-o", "model.py"], "is a file"),
        (["model.py", "other.py", "-o", "out", "--test", "t.py"], "--test names one file"),
        (["model.py", "--input-shape", "28,x"], "is not a shape"),
        (["model.py", "--input-shape", "=28"], "NAME before = is missing"),
        (["model.py", "--set", "units"], "write NAME=VALUE"),
        (["model.py", "--set", "mode=train"], "text needs quotes"),
        (["model.py", "--set", "units=open('x')"], "not a Python literal"),
        (["--explain", "KT999"], "there is no code KT999"),
    ],
)
def test_wrong_usage(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    Path("other.py").write_text(MODEL)
    words = [word.format(here=Path().resolve().name) for word in words]
    assert run(*words) == 2
    assert message in capsys.readouterr().err
    assert names() == ["model.py", "other.py"]
    assert Path("model.py").read_text() == MODEL


@pytest.mark.parametrize("words", [["--format", "xml"], ["--no-such"], ["-q", "-v", "model.py"]])
def test_words_that_argparse_refuses(words: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        run(*words)
    assert error.value.code == 2


def test_shapes_and_settings_reach_the_translator(fake: FakePipeline) -> None:
    shapes = ["--input-shape", "28,28,1", "--input-shape", "net.image=(None, 64,)"]
    assert run("model.py", *shapes, "--set", "units=8", "--set", "mode='a=b'") == 0
    options = fake.calls[0][1]
    assert options.input_shapes == {"": (28, 28, 1), "net.image": (None, 64)}
    assert options.settings == {"units": "8", "mode": "'a=b'"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file or directory"),
        (b"x = '\xff\xfe'", "it is not UTF-8 text"),
        (b"\x7fELF\0\0", "it is binary"),
        (b"# coding: nonsense\n", "unknown encoding"),
        (b"x = 1\n" * 2_000_000, "it is larger than 10 MB"),
    ],
)
def test_sources_that_cannot_be_read(
    content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("bad.py").write_bytes(content)
    assert run("bad.py", "-o", "bad_pt.py") == 2
    assert f"bad.py:1:1: KT001 cannot read the source: {message}" in capsys.readouterr().err
    assert not Path("bad_pt.py").exists()
    assert run("bad.py", "--format", "json") == 2
    assert json.loads(capsys.readouterr().err)["diagnostics"][0]["code"] == "KT001"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xef\xbb\xbfx = 1\r\n", b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", b"x = 1"],
)
def test_sources_of_every_kind_are_read(content: bytes) -> None:
    Path("fine.py").write_bytes(content + b"\n# Dense\n")
    assert run("fine.py", "-o", "fine_pt.py") == 0


def test_our_own_output_is_no_source(capsys: pytest.CaptureFixture[str]) -> None:
    run("model.py", "-o", "model_pt.py")
    assert run("model_pt.py") == 2
    assert "was written by kt-translate" in capsys.readouterr().err


def test_several_sources_keep_their_paths(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a/model.py", "a/b/model.py", "a/.hidden/model.py", "a/venv/model.py"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(MODEL)
    Path("a/data.py").write_text("import numpy\n")
    Path("a/plots.py").write_text("import keras\n")
    assert run("a", "-o", "out", "--report", "r.json") == 0
    written = [name for name in names() if name.startswith("out")]
    expected = ["b/model_pt.py", "b/test_model_parity.py", "model_pt.py", "test_model_parity.py"]
    assert written == [f"out/{name}" for name in expected]
    report = json.loads(Path("r.json").read_text())
    assert [entry["source"] for entry in report["sources"]] == ["a/model.py", "a/b/model.py"]
    assert capsys.readouterr().err == "kt-translate: translated 2 models\n"
    assert run("a/b/model.py", "model.py", "a", "-o", "out2", "--no-test") == 0
    written = [name for name in names() if name.startswith("out2")]
    assert written == ["out2/a/b/model_pt.py", "out2/a/model_pt.py", "out2/model_pt.py"]
    assert run("a/b", "-o", "a/b") == run("a/b", "-o", "a/b", "--check") == 0


def test_several_sources_end_with_the_worst_status() -> None:
    Path("bad.py").write_text("Rare = 1\n")
    Path("worse.py").write_text('print "x"\n')
    assert run("model.py", "bad.py", "-o", "out") == 1
    assert run("worse.py", "model.py", "bad.py", "-o", "out") == 2
    assert "out/model_pt.py" in names()
    assert "out/worse_pt.py" not in names()


def test_messages_are_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.py").write_text(MODEL + "x = Rare(3)  # guess\n")
    assert run("model.py", "-o", "a.py") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "model.py:4:5: KT201 no rule yet for Rare\n    4 | x = Rare(3)" in err
    assert "      |     ^^^^\n    hint: write it" in err
    assert err.endswith("kt-translate: translated 1 model (1 error, 1 warning)\n")
    run("model.py", "-o", "a.py", "--quiet")
    err = capsys.readouterr().err
    assert "KT201" in err
    assert "KT101" not in err
    assert "translated" not in err
    for form, start in (("github", "::warning file=model.py"), ("sarif", "{"), ("json", "{")):
        run("model.py", "-o", "a.py", "--format", form)
        assert capsys.readouterr().err.startswith(start)


def test_explain_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--explain", "kt203") == 0
    assert capsys.readouterr().out.startswith("KT203: argument value not supported (error)")
    with pytest.raises(SystemExit) as end:
        run("--version")
    assert end.value.code == 0
    assert capsys.readouterr().out == "kt-translate 0.1.0\n"


def test_interruption_while_translating(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.py").write_text("INTERRUPT")
    assert run("model.py", "-o", "model_pt.py") == 130
    assert capsys.readouterr().err == "kt-translate: interrupted\n"
    assert names() == ["model.py"]


def test_starting_up_imports_nothing_heavy() -> None:
    heavy = {"libcst", "black", "jinja2", "numpy", "torch", "json", "difflib", "tomllib"}
    code = f"import sys, kt_translate.cli; print(sorted({heavy!r} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_ctrl_c_ends_the_process_quietly() -> None:
    code = "import sys, kt_translate.cli as cli; print('ready', flush=True); sys.exit(cli.main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "-", "-o", "model_pt.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # Shells start what runs in the background with the signal ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"kt-translate: interrupted\n"
    assert names() == ["model.py"]


def test_a_source_without_models(fake: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.py").write_text("x = 1\n")
    Path("plain_pt.py").write_text("# old\n")
    assert run("plain.py", "-o", "plain_pt.py", "--report", "r.json") == 1
    assert Path("plain_pt.py").read_text() == "# old\n"
    assert json.loads(Path("r.json").read_text())["models"] == []
    assert names() == ["model.py", "plain.py", "plain_pt.py", "r.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_is_full(fake: FakePipeline) -> None:
    code = "from kt_translate.files import print_output; print_output('x' * 10000)"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE)
    assert b"OutputError: cannot write to standard output: no space left" in done.stderr


def test_no_test_beside_a_device(fake: FakePipeline) -> None:
    assert run("model.py", "-o", "/dev/null") == 0
    assert not Path("/dev/test_model_parity.py").exists()
