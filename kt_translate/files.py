"""Files: sources are read with care; outputs carry a header and are written whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kt_translate.version import __version__

if TYPE_CHECKING:
    from kt_translate.source.notebook import Notebook

SOURCE_LIMIT = 10_000_000
_HEADER = re.compile(
    r"# kt-translate (?P<version>\S+): from (?P<name>.*) "
    r"sha256:(?P<source>[0-9a-f]{12}), this file sha256:(?P<own>[0-9a-f]{12})\n"
)


class ReadError(Exception):
    """A source that cannot be read."""


class OutputError(Exception):
    """An output that cannot be written."""


@dataclass(frozen=True)
class Source:
    """A source as text."""

    name: str
    """The file's own name, which does not depend on where the command is run."""
    shown: str
    """The path as the user gave it."""
    text: str
    digest: str
    path: Path | None
    notebook: Notebook | None = None

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return Path(self.name).stem if self.path else "stdin"


def read_source(path: Path) -> Source:
    """Read a Python file or a notebook; ReadError says why it cannot be done."""
    try:
        if path.is_dir():
            raise ReadError("it is a folder")
        with path.open("rb") as file:
            content = file.read(SOURCE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise ReadError(_reason(error)) from None
    return _source(content, path.name, str(path), path)


def read_standard_input(stream: IO[bytes]) -> Source:
    """Read Python text from standard input."""
    return _source(stream.read(SOURCE_LIMIT + 1), "<stdin>", "<stdin>", None)


def _source(content: bytes, name: str, shown: str, path: Path | None) -> Source:
    if len(content) > SOURCE_LIMIT:
        raise ReadError(f"it is larger than {SOURCE_LIMIT // 1_000_000} MB")
    text = decode(content)
    notebook = None
    if name.endswith(".ipynb"):
        from kt_translate.source.notebook import read_notebook

        try:
            notebook = read_notebook(text)
        except ValueError as error:
            raise ReadError(str(error)) from None
        text = notebook.text
    return Source(name, shown, text, digest_of(content), path, notebook)


def decode(content: bytes) -> str:
    """Decode Python text as Python does, with its line ends made ``\\n``."""
    if b"\0" in content:
        raise ReadError("it is binary: it holds NUL bytes")
    encoding = "utf-8-sig"
    if b"coding" in b"".join(content.splitlines()[:2]):
        from io import BytesIO
        from tokenize import detect_encoding

        try:
            encoding = detect_encoding(BytesIO(content).readline)[0]
        except SyntaxError as error:
            raise ReadError(error.msg) from None
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise ReadError(f"it is not {encoding.removesuffix('-sig').upper()} text") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_header(body: str, source: Source) -> str:
    """Put the header line before a generated file: its origin, and a hash that an edit breaks."""
    own = f"this file sha256:{digest_of(_encode(body))}"
    return f"# {origin_of(source)}, {own}\n{body}"


def origin_of(source: Source) -> str:
    """What an output was made from, and by what."""
    name = "".join(c if c.isprintable() else "?" for c in source.name)
    return f"kt-translate {__version__}: from {name} sha256:{source.digest}"


def is_output(text: str) -> bool:
    """Whether a text was written by kt-translate, edited since or not."""
    return _HEADER.match(text) is not None


def is_output_file(path: Path) -> bool:
    """Whether a file was written by kt-translate, as far as its first line tells."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            if path.suffix == ".ipynb":
                return '"kt_translate": "kt-translate ' in file.read(SOURCE_LIMIT)
            return is_output(file.readline(1000))
    except OSError:
        return False


def is_untouched(text: str) -> bool:
    """Whether a text is just what kt-translate once wrote (or nothing) and can be replaced."""
    header = _HEADER.match(text)
    if header is None:
        return not text.strip()
    return header["own"] == digest_of(_encode(text[header.end() :]))


def read_output(path: Path) -> str | None:
    """Return what an output file holds now, None if there is none."""
    try:
        if not path.is_file():
            return None
        return path.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    except OSError as error:
        raise OutputError(f"cannot read {path}: {_reason(error)}") from None


def check_writable(path: Path) -> None:
    """Say early why an output cannot be written; OutputError."""
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"cannot write {path}: permission denied")


def print_output(text: str) -> None:
    """Write to standard output; OutputError where that is a full disk."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left in it
        raise OutputError(f"cannot write to standard output: {_reason(error)}") from None


def write_atomically(path: Path, text: str) -> None:
    """Write a file whole or not at all, keeping the permissions of the one it replaces."""
    check_writable(path)
    try:
        target = Path(os.path.realpath(path))
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            target.write_text(text, encoding="utf-8", newline="\n")
            return
        _replace(target, _encode(text), mode)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from None


def _replace(target: Path, content: bytes, mode: int | None) -> None:
    temporary = target.with_name(f".kt-translate-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def imports_beside(path: Path) -> bool:
    """Whether a file imports others of its package by relative names."""
    try:
        with path.open("rb") as file:
            return re.search(rb"^\s*from \.", file.read(SOURCE_LIMIT), re.MULTILINE) is not None
    except OSError:
        return False


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()[:12]


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
