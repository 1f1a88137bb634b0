"""One run of the command: targets are read, translated, compared with what is there and written."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kt_translate.config import Dims
from kt_translate.defects import defect
from kt_translate.diagnostics import Log, Place
from kt_translate.files import (
    OutputError,
    ReadError,
    Source,
    digest_of,
    imports_beside,
    is_output,
    is_output_file,
    is_untouched,
    origin_of,
    print_output,
    read_output,
    read_source,
    read_standard_input,
    with_header,
    write_atomically,
)
from kt_translate.targets import Target

if TYPE_CHECKING:
    from kt_translate.homes import Project
    from kt_translate.messages import Finding
    from kt_translate.pipeline import Translation

T = TypeVar("T")


@dataclass
class Outcome:
    """What became of one target."""

    status: int
    report: dict[str, Any] | None = None


@dataclass
class Draft:
    """A translation that is not delivered yet."""

    target: Target
    source: Source
    translation: Translation
    log: Log
    used: bool = False
    """Whether its output has something in it that others import."""

    def fill(self, code: str) -> None:
        """Give it the text that is known once all others are translated."""
        self.translation.code, self.used = code, True
        self.log.diagnostics[:] = [d for d in self.log.diagnostics if d.code != "KT003"]


@dataclass
class Session:
    """The settings of a run, and what it has found so far."""

    input_shapes: dict[str, Dims] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    form: str = "text"
    level: str = "normal"
    check: bool = False
    diff: bool = False
    force: bool = False
    hook: bool = False
    findings: list[Finding] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    """How many models have which status."""

    def run(self, targets: Sequence[Target], folder: Path | None = None) -> list[Outcome]:
        """Translate targets; those in one ``folder`` share their support code and import each other."""
        if folder is None:
            return [self._guarded(target, self._run) for target in targets]
        from kt_translate.homes import SUPPORT

        project = _project(targets, folder)
        by_path = {Path(os.path.abspath(t.path)): t for t in targets if t.path is not None}
        drafts = {
            path: self._guarded(by_path[path], partial(self._draft, project=project))
            for path in project.users_first()
        }
        texts, shared = project.rendered()
        outcomes = []
        sources = []
        for path, target in by_path.items():
            draft = drafts[path]
            if isinstance(draft, Draft):
                if path in texts:
                    draft.fill(texts[path])
                    sources.append(draft.source)
                draft = self._guarded(target, partial(self._finish, draft))
            outcomes.append(draft)
        ours = {f"{SUPPORT}.py": shared} if texts else {}
        ours |= {f"{project.outputs[p]}.py": t for p, t in texts.items() if p not in by_path}
        outcomes += [self._share(folder / name, text, sources) for name, text in ours.items()]
        return outcomes

    def _share(self, path: Path, text: str, sources: Sequence[Source]) -> Outcome:
        """Deliver a module that several outputs share."""
        log = Log()
        digest = "".join(source.digest for source in sources)
        origin = Source(f"{len(sources)} files", str(path), "", digest_of(digest.encode()), None)
        try:
            changed = self._deliver_file(path, with_header(text, origin), log)
        except OutputError as error:
            self._say(str(error))
            return Outcome(2)
        self._tell(log, origin)
        return Outcome(int(log.has_errors or (changed and self.check)))

    def _guarded(self, target: Target, act: Callable[[Target], T]) -> T | Outcome:
        """What an act gives; whatever goes wrong is told, and becomes the target's exit status."""
        shown = str(target.path or "<stdin>")
        try:
            return act(target)
        except ReadError as error:
            log = Log()
            log.add("KT001", Place(1), f"cannot read the source: {error}")
            self._tell(log, Source(shown, shown, "", "", target.path))
            return Outcome(2)
        except OutputError as error:
            self._say(str(error))
            return Outcome(2)
        except BrokenPipeError:
            raise
        except Exception as error:
            self._say(
                f"{shown}: {defect(error)}\nnothing was written for this source; please report it "
                "together with the source (--verbose shows the traceback)"
            )
            if self.level == "verbose":
                import traceback

                traceback.print_exc()
            return Outcome(3)

    def finish(self) -> None:
        """Write what can only be written once all is known."""
        if self.form in ("json", "sarif"):
            self._render(self.findings)
        elif self.form == "text" and self.level != "quiet" and (self.models or self.findings):
            self._say(self._summary())

    def _run(self, target: Target) -> Outcome:
        draft = self._draft(target)
        return self._finish(draft, target) if isinstance(draft, Draft) else draft

    def _draft(self, target: Target, project: Project | None = None) -> Draft | Outcome:
        path = target.path
        shown = str(path or "<stdin>")
        source = read_source(path) if path else read_standard_input(sys.stdin.buffer)
        if is_output(source.text) or (path is not None and is_output_file(path)):
            self._say(f"{shown} was written by kt-translate: it is PyTorch already")
            return Outcome(2)
        if target.found and "keras" not in source.text:
            return Outcome(0)
        return self._translate(source, target, project)

    def _translate(
        self, source: Source, target: Target, project: Project | None
    ) -> Draft | Outcome:
        from kt_translate.homes import Project
        from kt_translate.pipeline import Options, translate
        from kt_translate.source.syntax import SourceError

        log = Log()
        for line, problem in source.notebook.left_out if source.notebook else ():
            log.add("KT104", Place(line), f"this cell is not Python and was left out: {problem}")
        options = Options(
            input_shapes={**target.config.input_shapes, **self.input_shapes},
            settings={**target.config.settings, **self.settings},
            path=target.path,
            want_test=target.test is not None,
            output=_from_test(target),
            project=project or Project(),
        )
        try:
            translation = translate(source.text, source.name, options, log)
        except SourceError as error:
            log.add("KT002", error.place, f"not Python: {error.message}")
            self._tell(log, source)
            return Outcome(2)
        if source.notebook is not None:
            from kt_translate import notebooks

            name, notebook = source.name, source.notebook
            translation.code = notebooks.with_cells(translation.code, name, notebook)
        return Draft(target, source, translation, log)

    def _finish(self, draft: Draft, target: Target) -> Outcome:
        source, translation, log = draft.source, draft.translation, draft.log
        if not (translation.models or draft.used):  # then there is nothing to be written
            if target.found:
                return Outcome(0)
            self._tell(log, source)
            return Outcome(1, _report(translation, source, target, log))
        changed = self._deliver(translation, source, target, log)
        self._tell(log, source)
        statuses = [model.get("status", "translated") for model in translation.models]
        self.models.update(statuses)
        whole = not log.has_errors and all(status == "translated" for status in statuses)
        status = 1 if not whole or (changed and (self.check or self.hook)) else 0
        return Outcome(status, _report(translation, source, target, log))

    def _deliver(self, translation: Translation, source: Source, target: Target, log: Log) -> bool:
        """Write or compare the files of a translation; return whether any was out of date."""
        contents: list[tuple[Path, str]] = []
        if not translation.code:
            return False
        if target.out is None:
            print_output(with_header(translation.code, source))
        else:
            contents.append((target.out, _content(translation, source, target.out)))
        if target.test is not None and translation.test is not None:
            contents.append((target.test, with_header(translation.test, source)))
        changed = [self._deliver_file(path, content, log) for path, content in contents]
        return any(changed)

    def _deliver_file(self, path: Path, content: str, log: Log) -> bool:
        old = read_output(path)
        mine = old is None or is_untouched(old)
        if old is not None and path.suffix == ".ipynb":
            from kt_translate import notebooks

            mine = mine or notebooks.is_whole(old)
            content = old if notebooks.same(old, content) else content
        if old == content:
            return False
        if not mine and not self.force:
            log.add(
                "KT004", Place(1), f"{path} was edited by hand, or is not ours: it is kept as it is"
            )
        elif not (self.check or self.diff):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
            if self.hook:
                self._say(f"{'wrote' if old is None else 'rewrote'} {path}")
        if self.diff:
            print_output(_diff(old or "", content, path))
        elif self.check and self.level != "quiet":
            self._say(f"{path} is out of date" if old is not None else f"{path} is missing")
        return True

    def _tell(self, log: Log, source: Source) -> None:
        from kt_translate.messages import Finding

        found = [
            Finding(source.shown, source.text, item, source.notebook) for item in log.in_order()
        ]
        self.findings += found
        if self.form in ("text", "github"):
            self._render(found)

    def _render(self, findings: list[Finding]) -> None:
        from kt_translate.messages import render, wants_colour

        colour = wants_colour(sys.stderr, os.environ.get("NO_COLOR"))
        sys.stderr.write(render(findings, self.form, colour=colour, level=self.level))

    def _summary(self) -> str:
        from kt_translate.messages import counted

        found = Counter(finding.diagnostic.severity for finding in self.findings)
        counts = [
            counted(found[severity], severity)
            for severity in ("error", "warning", "note")
            if found[severity]
        ]
        gaps = sum(number for status, number in self.models.items() if status != "translated")
        total = self.models.total()
        text = f"translated {counted(total, 'model')}" if total else "no model translated"
        text += f", {gaps} with gaps" if gaps else ""
        return f"{text} ({', '.join(counts)})" if counts else text

    def _say(self, message: str) -> None:
        print(f"kt-translate: {message}", file=sys.stderr)


def _content(translation: Translation, source: Source, out: Path) -> str:
    """What the output file holds."""
    if out.suffix != ".ipynb" or source.notebook is None:
        return with_header(translation.code, source)
    from kt_translate import notebooks

    lines = notebooks.lines_of(translation.models, translation.training)
    name, cells = source.name, source.notebook
    return notebooks.marked(
        notebooks.as_notebook(translation.code, name, cells, lines), origin_of(source)
    )


def _project(targets: Sequence[Target], folder: Path) -> Project:
    """The outputs in a folder, by the names under which they import each other."""
    from kt_translate.homes import Project

    outputs, relative = {}, False
    for target in targets:
        if target.path is not None and target.out is not None:
            path = Path(os.path.abspath(target.path))
            inner = os.path.relpath(target.out.with_suffix(""), folder)
            outputs[path] = ".".join(Path(inner).parts)
            relative = relative or (path.parent / "__init__.py").exists() or imports_beside(path)
    return Project(outputs, relative)


def _from_test(target: Target) -> str | None:
    """The path of the translation, seen from the parity test."""
    if target.out is None or target.test is None:
        return None
    return Path(os.path.relpath(target.out, target.test.parent)).as_posix()


def _report(translation: Translation, source: Source, target: Target, log: Log) -> dict[str, Any]:
    from kt_translate.messages import report_entry

    return {
        "schema": 1,
        "source": source.shown,
        "output": None if target.out is None else str(target.out),
        "keras": translation.keras,
        "models": translation.models,
        "training": translation.training,
        "diagnostics": [report_entry(diagnostic) for diagnostic in log.in_order()],
    }


def _diff(old: str, new: str, path: Path) -> str:
    from difflib import unified_diff

    lines = unified_diff(
        old.splitlines(True), new.splitlines(True), f"{path} (now)", f"{path} (translated)"
    )
    return "".join(_ended(lines))


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
