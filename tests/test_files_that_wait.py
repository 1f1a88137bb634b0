"""Files of the project run when a name of them is asked for, as long as nobody sees the difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt_translate.evaluate import modules
from kt_translate.source.bodies import body_of

from .test_modules import messages, translated

NET = """
import keras
from keras import layers
{imports}
def build(width=5):
    inputs = keras.Input((8,))
    return keras.Model(inputs, {call})
"""
BLOCK = """
from keras import layers
from .registry import TABLE, register
def {name}(x, width):
    return layers.Dense(width + {more})(x)
"""
REGISTRY = """
TABLE = {}
def register(function):
    TABLE[function.__name__] = function
    return function
def find(name):
    return TABLE[name]
"""
INIT = """
from .wide import wide
from .deep import deep
"""


@pytest.fixture
def have_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that have run, in order."""
    names: list[str] = []
    run = modules._run

    def noted(ev: object, module: object, source: object) -> None:
        names.append(module.path.name)  # type: ignore[attr-defined]
        run(ev, module, source)  # type: ignore[arg-type]

    monkeypatch.setattr(modules, "_run", noted)
    return names


def package(of_wide: str = "", of_deep: str = "", more: str = "") -> dict[str, str]:
    wide, deep = BLOCK.format(name="wide", more=1), BLOCK.format(name="deep", more=2)
    if more.startswith("@"):
        wide, deep = (text.replace("def ", f"{more}\ndef ") for text in (wide, deep))
    return {
        "parts/__init__.py": INIT,
        "parts/registry.py": REGISTRY,
        "parts/wide.py": wide + of_wide,
        "parts/deep.py": deep + of_deep,
    }


def test_only_what_is_asked_for_runs(tmp_path: Path, have_run: list[str]) -> None:
    net = NET.format(imports="from parts import deep", call="deep(inputs, width)")
    done = translated(tmp_path, {"net.py": net, **package()})
    assert [m["status"] for m in done.models] == ["translated"]
    assert "wide.py" not in have_run
    assert "deep.py" in have_run


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import parts\nfrom parts.registry import find", "find('deep')(inputs, width)"),
        ("import parts\nfrom parts import registry", "registry.TABLE['deep'](inputs, width)"),
        ("import parts\nfrom parts.registry import TABLE", "TABLE['deep'](inputs, width)"),
    ],
)
@pytest.mark.parametrize("decorated", [True, False], ids=["decorator", "statement"])
def test_tables_are_full_when_they_are_read(
    tmp_path: Path, imports: str, call: str, decorated: bool
) -> None:
    net = NET.format(imports=imports, call=call)
    files = package(more="@register") if decorated else package(of_deep="TABLE['deep'] = deep\n")
    done = translated(tmp_path, {"net.py": net, **files})
    assert [m["status"] for m in done.models] == ["translated"], messages(done)
    assert "Deep(" in done.code
    assert "width + 2" in done.code


def test_registering_runs_nothing_else(tmp_path: Path, have_run: list[str]) -> None:
    net = NET.format(
        imports="import parts\nfrom parts.registry import register",
        call="own(inputs, width)",
    )
    own = "\n@register\ndef own(x, width):\n    return layers.Dense(width)(x)\n"
    done = translated(tmp_path, {"net.py": net + own, **package(more="@register")})
    assert [m["status"] for m in done.models] == ["translated"], messages(done)
    assert have_run == ["registry.py"]


def test_objects_and_classes_that_hold_tables(tmp_path: Path) -> None:
    registry = """
class Registry:
    shared = {}
    def __init__(self):
        self.table = {}
    def register(self, function):
        self.table[function.__name__] = function
        return function
    @classmethod
    def share(cls, function):
        cls.shared[function.__name__] = function
        return function
BLOCKS = Registry()
"""
    wide = BLOCK.format(name="wide", more=1).replace("TABLE, register", "BLOCKS, Registry")
    files = {
        "parts/__init__.py": INIT,
        "parts/registry.py": registry,
        "parts/wide.py": wide.replace("def ", "@BLOCKS.register\ndef "),
        "parts/deep.py": wide.replace("def ", "@Registry.share\ndef ").replace("wide", "deep"),
    }
    net = NET.format(
        imports="import parts\nfrom parts.registry import BLOCKS, Registry",
        call="BLOCKS.table['wide'](Registry.shared['deep'](inputs, width), width)",
    )
    done = translated(tmp_path, {"net.py": net, **files})
    assert [m["status"] for m in done.models] == ["translated"], messages(done)
    assert "self.deep = " in done.code
    assert "self.wide = " in done.code


@pytest.mark.parametrize(
    ("statement", "acts"),
    [
        ("X = {'a': theirs}", False),
        ("class A(theirs.B): rate = 1", False),
        ("if theirs.flag: import os", False),
        ("theirs.__doc__ = 'text'", False),
        ("X = []\nX.append(1)", False),
        ("def f(): theirs.append(1)", False),
        ("if __name__ == '__main__': theirs()", False),
        ("theirs.append(1)", True),
        ("theirs.value = 1", True),
        ("theirs[0] = 1", True),
        ("setattr(other(), 'a', 1)", True),
        ("X = theirs()", True),
        ("X = list(theirs)", True),
        ("X = [y for y in theirs]", True),
        ("X = {**theirs}", True),
        ("def f(): theirs.append(1)\nf()", True),
        ("def f(): theirs.append(1)\n@f\ndef g(): pass", True),
        ("import keras\nkeras.config.set_floatx('float64')", True),
    ],
)
def test_what_others_see_of_a_file(statement: str, acts: bool) -> None:
    text = f"from .other import theirs\n{statement}\n"
    assert body_of(text, lambda said: said.level > 0).acts is acts
