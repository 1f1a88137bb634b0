"""Outputs are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from kt_translate import files
from kt_translate.cli import main
from tests.fake_pipeline import MODEL, install


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL)
    install(monkeypatch)


def run(*words: str) -> int:
    return main(words)


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_full_disk_leaves_what_was_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("model.py", "-o", "model_pt.py", "--no-test")
    before = Path("model_pt.py").read_text()
    Path("model.py").write_text(MODEL + "# more\n")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    assert run("model.py", "-o", "model_pt.py", "--no-test") == 2
    assert "cannot write model_pt.py: no space left on device" in capsys.readouterr().err
    assert Path("model_pt.py").read_text() == before
    assert names() == ["model.py", "model_pt.py"]


def test_interruption_while_writing_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: object, target: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    assert run("model.py", "-o", "model_pt.py") == 130
    assert names() == ["model.py"]


def test_permissions_and_links_are_kept() -> None:
    run("model.py", "-o", "real.py", "--no-test")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(Path("real.py").stat().st_mode) == 0o666 & ~umask
    Path("real.py").chmod(0o750)
    Path("link.py").symlink_to("real.py")
    Path("model.py").write_text(MODEL + "# more\n")
    assert run("model.py", "-o", "link.py", "--no-test") == 0
    assert Path("link.py").is_symlink()
    assert str(len(MODEL) + 7) in Path("real.py").read_text()
    assert stat.S_IMODE(Path("real.py").stat().st_mode) == 0o750


def test_an_output_that_may_not_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    assert run("model.py", "-o", "model_pt.py") == 2
    assert "permission denied" in capsys.readouterr().err


def test_devices_are_written_not_replaced() -> None:
    assert run("model.py", "-o", os.devnull, "--no-test", "--report", os.devnull) == 0
    assert not Path(os.devnull).is_file()


def test_an_output_that_is_not_text_is_kept() -> None:
    Path("model_pt.py").write_bytes(b"\xff\xfe\0")
    assert run("model.py", "-o", "model_pt.py") == 1
    assert Path("model_pt.py").read_bytes() == b"\xff\xfe\0"


def test_a_reader_that_has_gone_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", closed)
        assert run("model.py") == 141
