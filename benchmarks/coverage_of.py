"""Translates one file and compares its model functions with Keras's; started by coverage.py.

python benchmarks/coverage_of.py SUBJECTS.json RESULTS.jsonl
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

SUPPORT = Path(__file__).parents[1] / "kt_translate" / "pytorch" / "support"
EXACT = 1e-9
FLOAT32 = 1e-6


def file_of(module: str) -> Path:
    """Where a module lies, found without importing what it is in."""
    for root in sys.path:
        if (file := Path(root, *module.split(".")).with_suffix(".py")).is_file():
            return file
    raise SystemExit(f"{module} is not installed")


# -- the two sides --------------------------------------------------------------------------------


class Torch:
    """The translation of a file, for some settings."""

    def __init__(self, source: Path, folder: Path, settings: str, shapes: str = "") -> None:
        text = source.read_text(encoding="utf-8")
        options = Options(
            path=source,
            want_test=False,
            settings=json.loads(settings or "{}"),
            input_shapes=dict(ast.literal_eval(shapes or "[]")),
        )
        self.log = Log()
        self.done: Translation = translate(text, source.name, options, self.log)
        self.path = folder / f"{source.stem}_{abs(hash(settings + shapes))}_pt.py"
        self.path.write_text(self.done.code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(self.path.stem, self.path)
        assert spec is not None
        assert spec.loader is not None
        self.module: ModuleType = importlib.util.module_from_spec(spec)
        sys.modules[self.path.stem] = self.module
        spec.loader.exec_module(self.module)

    def entry(self, function: str) -> dict[str, Any] | None:
        named = [m for m in self.done.models if m["source_name"] == function]
        return next((m for m in named if m["status"] == "translated"), None)

    def why(self) -> str:
        """The first error that says something of its own."""
        errors = [d for d in self.log.diagnostics if d.severity == "error"]
        errors.sort(key=lambda d: d.code == "KT107")
        return (
            f"{errors[0].code} {errors[0].message} (line {errors[0].place.line})" if errors else ""
        )


def keras_model(subject: dict[str, Any]) -> Any:
    keras = importlib.import_module(subject["keras"])
    if subject["float32"] != "all":
        keras.backend.set_floatx("float64")
        if hasattr(keras, "config"):
            keras.config.set_dtype_policy("float64")
    names: dict[str, Any] = {"keras": keras}
    exec(subject["prepare"], names)
    module = importlib.import_module(subject["module"])
    arguments = ", ".join(filter(None, (subject["arguments"], subject["keras_arguments"])))
    made = eval(
        f"build({arguments})",
        {**vars(module), **names, "build": getattr(module, subject["function"])},
    )
    if not subject["inputs"]:
        return made
    kind = "int32" if subject["integers"] else None

    def tensors(shapes: Any) -> Any:
        if isinstance(shapes, list):
            return [tensors(shape) for shape in shapes]
        return keras.Input(shapes, dtype=kind)

    shapes = ast.literal_eval(subject["inputs"])
    if isinstance(shapes, dict):
        named = {name: tensors(shape) for name, shape in shapes.items()}
        return keras.Model(list(named.values()), made(**named))
    given = tensors(shapes)
    return keras.Model(flat(given), made(*given))


# -- comparing ------------------------------------------------------------------------------------


def randomize(model: Any, random: Any) -> None:
    """Weights that keep the size of what goes through, and statistics that are none."""
    import numpy as np

    for weight in model.weights:
        shape = tuple(weight.shape)
        fan = np.prod(shape[:-1]) if len(shape) > 1 else 10
        value = random.normal(size=shape, scale=float(fan) ** -0.5)
        if "int" in str(weight.dtype) or "bool" in str(weight.dtype):
            continue
        name = getattr(weight, "path", None) or weight.name
        weight.assign(np.abs(value) + 0.5 if "variance" in name or "gamma" in name else value)


def difference(
    theirs: Any,
    ours: Any,
    load: Callable[..., None],
    entry: dict[str, Any],
    subject: dict[str, Any],
) -> float:
    """The largest difference of any output, relative to its largest value."""
    import numpy as np
    import torch

    random = np.random.default_rng(0)
    randomize(theirs, random)
    ours = ours.double().eval()
    load(ours, theirs.layers[-1] if subject["inputs"] else theirs)
    integers = subject["integers"]
    arrays = []
    for tensor in theirs.inputs:
        shape = [2, *(64 if d is None else d for d in tensor.shape[1:])]
        kind = tensor.dtype.name if hasattr(tensor.dtype, "name") else str(tensor.dtype)
        whole = integers or ("int" in kind and 2)
        array = random.integers(0, whole, size=shape) if whole else random.normal(size=shape)
        arrays.append(array.astype(kind))
    fed: Any = arrays if len(arrays) > 1 else arrays[0]
    named = dict(zip(input_names(theirs), arrays))
    if isinstance(getattr(theirs, "_inputs_struct", None), dict):
        fed = named
    wanted = flat(theirs(fed, training=False))
    ports = entry["inputs"]
    given = [named.get(p["name"]) for p in ports]
    if any(array is None for array in given):
        given = arrays
    given = [a.astype("float64") if a.dtype.kind == "f" else a for a in given]
    feeds = [torch.from_numpy(np.ascontiguousarray(transposed(a, p))) for a, p in zip(given, ports)]
    with torch.no_grad():
        got = flat(ours(*feeds))
    assert len(wanted) == len(got), f"{len(got)} outputs, not {len(wanted)}"
    figures = []
    for want, have, port in zip(wanted, got, entry["outputs"]):
        want, have = transposed(np.asarray(want), port), have.detach().numpy()
        assert want.shape == have.shape, f"the shape {have.shape}, not {want.shape}"
        assert np.isfinite(want).all(), "Keras's output is not finite"
        figures.append(float(np.abs(want - have).max() / (np.abs(want).max() or 1)))
    return max(figures)


def input_names(model: Any) -> list[str]:
    """What a model's inputs are called where it is fed by a dict, in the order of `model.inputs`."""
    struct = getattr(model, "_inputs_struct", None)
    if not isinstance(struct, dict):
        return list(getattr(model, "input_names", ()))
    names = {id(tensor): name for name, tensor in struct.items()}
    return [names[id(tensor)] for tensor in model.inputs]


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [v for key in sorted(value) for v in flat(value[key])]
    return (
        [v for item in value for v in flat(item)] if isinstance(value, (list, tuple)) else [value]
    )


def transposed(array: Any, port: dict[str, Any]) -> Any:
    return array.transpose(port["permute"]) if port["permute"] else array


# -- lines ----------------------------------------------------------------------------------------


class Watch:
    """Which code of some files runs."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.wanted = cache(wanted)
        self.ran: set[CodeType] = set()

    def __enter__(self) -> Watch:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and self.wanted(frame.f_code.co_filename):
            self.ran.add(frame.f_code)

    def lines(self, but: frozenset[str] = frozenset()) -> int:
        """Lines of the functions and methods that ran, with the heads of their classes."""
        starts: dict[str, set[int]] = {}
        for code in self.ran:
            if code.co_flags & CO_OPTIMIZED:  # neither a module's code nor a class's body
                starts.setdefault(code.co_filename, set()).add(code.co_firstlineno)
        total = 0
        for file, lines in starts.items():
            for node in ast.parse(Path(file).read_text(encoding="utf-8")).body:
                if _ran(node, lines) and getattr(node, "name", "") not in but:
                    total += _lines(node, lines)
        return total


def _ran(node: ast.stmt, starts: set[int]) -> bool:
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return False
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return any(first <= start <= (node.end_lineno or first) for start in starts)


def _lines(node: ast.stmt, starts: set[int]) -> int:
    """Lines of a definition, formatted, without docstrings and without the methods that did not run."""
    import black

    if isinstance(node, ast.ClassDef):
        node.body = [b for b in node.body if not isinstance(b, ast.FunctionDef) or _ran(b, starts)]
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner):
            inner.body = inner.body[1:] or [ast.Pass()]
    text = black.format_str(ast.unparse(node), mode=black.Mode(line_length=100))
    return sum(bool(line.strip()) for line in text.splitlines())


@cache
def support() -> frozenset[str]:
    """The names of the definitions that are copied into outputs."""
    found = set()
    for file in SUPPORT.glob("*.py"):
        found |= {getattr(n, "name", "") for n in ast.parse(file.read_text(encoding="utf-8")).body}
    return frozenset(found)


# -- one function ---------------------------------------------------------------------------------


def result_of(subject: dict[str, Any], sides: Callable[..., Torch]) -> dict[str, Any]:
    inputs = ast.literal_eval(subject["inputs"] or "[]")
    shapes = ""
    if isinstance(inputs, dict):
        shapes = repr([(f"{subject['function']}.{name}", s) for name, s in inputs.items()])
    elif len(inputs) == 1 and isinstance(inputs[0], tuple):
        shapes = repr([(subject["function"], inputs[0])])

    def side_for(settings: str) -> Torch:
        return sides(settings, shapes)

    said, side = "", side_for("")
    if side.entry(subject["function"]) is None:
        said, why, side = " with --set", side.why(), side_for(literals(subject["arguments"]))
        if side.entry(subject["function"]) is None:
            return {"result": "not translated", "why": why}
    try:
        with Watch(lambda file: any(place in file for place in subject["places"])) as theirs_ran:
            theirs = keras_model(subject)
    except Exception as error:
        return {"result": "not run in Keras", "why": f"{type(error).__name__}: {error}"}
    try:
        error, lines = compared(subject, theirs, side)
    except NotImplementedError:  # a class for the sample arguments only
        said, side = " with --set", side_for(literals(subject["arguments"]))
        error, lines = compared(subject, theirs, side)
    return {
        "result": ("agrees" if error <= (FLOAT32 if subject["float32"] else EXACT) else "differs")
        + said,
        "error": error,
        "lines": (lines, theirs_ran.lines()),
    }


def compared(subject: dict[str, Any], theirs: Any, side: Torch) -> tuple[float, int]:
    """The difference, and the lines of the translation that ran."""
    entry = side.entry(subject["function"])
    if entry is None:
        raise ValueError(side.why())
    build = getattr(side.module, entry["factory"])
    inferred = {k: v for k, v in entry["inferred"].items() if f"{k}=" not in subject["arguments"]}
    with Watch(lambda file: file == str(side.path)) as ran:
        ours = eval(
            f"build({subject['arguments']}, **inferred)".replace("(, ", "("),
            {**vars(side.module), "build": build, "inferred": inferred},
        )
        load = side.module.load_keras_weights
        error = difference(theirs, ours, load, entry, subject)
    return error, ran.lines(support())


def literals(arguments: str) -> str:
    """The named arguments whose values are plain, as JSON of names and texts."""
    found = {}
    for keyword in ast.parse(f"f({arguments})", mode="eval").body.keywords:
        text = ast.unparse(keyword.value)
        with suppress(ValueError):
            ast.literal_eval(text)
            found[keyword.arg] = text
    return json.dumps(found)


def main() -> None:
    subjects = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    source = file_of(subjects[0]["module"])
    with tempfile.TemporaryDirectory() as folder, Path(sys.argv[2]).open("w") as results:
        sides = cache(lambda *said: Torch(source, Path(folder), *said))
        for subject in subjects:
            try:
                result = result_of(subject, sides)
            except Exception as error:
                result = {"result": "fails", "why": f"{type(error).__name__}: {error}"}
            print(json.dumps(result), file=results, flush=True)


if __name__ == "__main__":
    main()
