"""Settings of a project: the table ``[tool.kt-translate]`` of the nearest pyproject.toml."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

DEFAULT_OUTPUT = "{stem}_pt.py"
_TABLE = re.compile(r"^\s*\[\s*tool\s*\.\s*[\"']?kt-translate", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w*)\}")

Dims = tuple["int | None", ...]


class ConfigError(Exception):
    """A setting that cannot be understood."""


@dataclass(frozen=True)
class Config:
    """What a project has settled; patterns are relative to ``folder``."""

    folder: Path | None = None
    output: dict[str, str] = field(default_factory=dict)
    """Output patterns by the glob of their sources; the first that fits is taken."""
    exclude: tuple[str, ...] = ()
    no_test: bool = False
    input_shapes: dict[str, Dims] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def excludes(self, path: Path) -> bool:
        """Whether a source is not to be translated."""
        return any(self._fits(path, pattern) for pattern in self.exclude)

    def output_for(self, path: Path) -> Path:
        """Return where the translation of a source goes that is given no -o."""
        for pattern, output in self.output.items():
            if self._fits(path, pattern):
                return self._expand(path, output)
        return path.with_name(DEFAULT_OUTPUT.format(stem=path.stem))

    def _fits(self, path: Path, pattern: str) -> bool:
        relative = self._relative(path).as_posix()
        parents = (parent.as_posix() for parent in Path(relative).parents)
        folder = pattern.rstrip("/")
        return fnmatch(relative, pattern) or any(fnmatch(parent, folder) for parent in parents)

    def _relative(self, path: Path) -> Path:
        try:
            return path.resolve().relative_to((self.folder or path.parent).resolve())
        except ValueError:
            return Path(path.name)

    def _expand(self, path: Path, output: str) -> Path:
        if output.endswith("/"):
            output += "{folder}/" + DEFAULT_OUTPUT
        folder = self._relative(path).parent.as_posix()
        name = output.replace("{stem}", path.stem).replace("{folder}", folder)
        return (self.folder or path.parent) / name if "/" in output else path.with_name(name)


def load_config(start: Path) -> Config:
    """Read the table of the nearest pyproject.toml at or above a folder, if there is one."""
    try:
        folder = start.resolve()
        for candidate in (folder, *folder.parents):
            path = candidate / "pyproject.toml"
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                return _parse(text, path) if _TABLE.search(text) else Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the pyproject.toml of {start}: {error}") from None
    return Config()


def _parse(text: str, path: Path) -> Config:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(text)["tool"]["kt-translate"]
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        return _config(table, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: [tool.kt-translate] {error}") from None


def _config(table: dict[str, Any], folder: Path) -> Config:
    known = {"output", "exclude", "no-test", "input-shape", "set"}
    if unknown := sorted(table.keys() - known):
        raise ConfigError(
            f"does not know {', '.join(unknown)}; it knows {', '.join(sorted(known))}"
        )
    exclude = table.get("exclude", [])
    if not (isinstance(exclude, list) and all(isinstance(pattern, str) for pattern in exclude)):
        raise ConfigError("exclude must be a list of patterns")
    no_test = table.get("no-test", False)
    if not isinstance(no_test, bool):
        raise ConfigError("no-test must be true or false")
    settings = table.get("set", {})
    if not isinstance(settings, dict):
        raise ConfigError("set must be a table of values by name")
    return Config(
        folder,
        _outputs(table.get("output", {})),
        tuple(exclude),
        no_test,
        _input_shapes(table.get("input-shape", {})),
        {name: repr(value) for name, value in settings.items()},
    )


def _outputs(value: Any) -> dict[str, str]:
    outputs = {"*": value} if isinstance(value, str) else value
    if not (
        isinstance(outputs, dict) and all(isinstance(output, str) for output in outputs.values())
    ):
        raise ConfigError(
            'output must be a pattern such as "{stem}_pt.py", or a table of them by source pattern'
        )
    for output in outputs.values():
        if {*_PLACEHOLDER.findall(output)} - {"stem", "folder"}:
            raise ConfigError(f"output {output!r}: the placeholders are {{stem}} and {{folder}}")
        if not output.endswith(("/", ".py")):
            raise ConfigError(f"output {output!r} must end in .py, or in / for a folder")
    return outputs


def _input_shapes(value: Any) -> dict[str, Dims]:
    shapes = value if isinstance(value, dict) else {"": value}
    result: dict[str, Dims] = {}
    for name, shape in _flat(shapes):
        if isinstance(shape, list) and all(type(dim) is int for dim in shape):
            result[name] = tuple(dim if dim > 0 else None for dim in shape)
        elif isinstance(shape, str):
            result[name] = parse_shape(shape)
        else:
            raise ConfigError(f"input-shape: {shape!r} is not a list of sizes")
    return result


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the entries of a table; an unquoted ``model.image`` is a table in a table."""
    entries: list[tuple[str, Any]] = []
    for name, value in table.items():
        entries += (
            _flat(value, f"{prefix}{name}.")
            if isinstance(value, dict)
            else [(prefix + name, value)]
        )
    return entries


def parse_shape(text: str) -> Dims:
    """Read a shape without its batch axis, such as ``28,28,1`` or ``(None, 64)``."""
    inner = text.strip()
    if inner[:1] + inner[-1:] in ("()", "[]"):
        inner = inner[1:-1]
    parts = (
        [part.strip() for part in inner.strip().removesuffix(",").split(",")]
        if inner.strip()
        else []
    )
    dims: list[int | None] = []
    for part in parts:
        if part.lower() in ("none", "?", "-1"):
            dims.append(None)
        elif part.isascii() and part.isdigit() and int(part) > 0:
            dims.append(int(part))
        else:
            raise ConfigError(
                f"{text!r} is not a shape: write the sizes as 28,28,1 (None for any size)"
            )
    return tuple(dims)
