"""Documents as PDF: one, or many in one run.

An engine takes longer to start than to set a sheet. So documents that share a
preamble are set one after the other in a single run, each from page 1 on, and
the pages are told apart afterwards. Where that does not work out, each is set
by itself, which also finds the one that is to blame.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from bptt_trace.errors import LettersMissing, ProblemError, ProgramMissing, TypesettingError
from bptt_trace.media.latex_program import MISSING, TYPST, Engine, Running, Typeset, asked_for, find_engine, typeset
from bptt_trace.media.typst import TypstDocument, beyond_typst

if TYPE_CHECKING:
    from bptt_trace.document.sheet import Sheet

TOGETHER = 24
"""The largest number of documents in a run. It does not depend on ``jobs``, so the same documents give the same bytes."""

_BEGIN, _END = "\\begin{document}\n", "\\end{document}"
_OWN = re.compile(r"(?m)^\\fancy(?:foot|head)\[.*$")
"""A line of the preamble that differs from one document to the next: the foot with its title."""
_ABOUT = re.compile(r"(?m)^\\ifdefined\\pdfinfo\\pdfinfo\{(.*?)\}.*$")
_ENTRY = re.compile(r"(/[A-Z]\w+) (?:\(([^)]*)\)|<([0-9A-F]+)>)")
"""The metadata in a preamble: title, author, creator. Documents that share a run get theirs afterwards."""
_ALONE = re.compile(
    r"\\(?:label|ref|pageref|autoref|cite|bibliography|tableofcontents|gdef|xdef|global|newcounter|include|AddToHook)\b"
    r"|\\At(?:Begin|End)\w+|hyperref|lastpage|numpages|bookmark|\\DocumentMetadata"
)
"""Commands with an effect beyond a body: a document with one is set by itself."""

_SETUP = r"""\makeatletter
{\def\@elt#1{\expandafter\xdef\csname sheet@#1\endcsname{\number\csname c@#1\endcsname}}\cl@@ckpt}
\expandafter\let\csname sheet@LT@tables\endcsname\undefined
\let\sheet@thepage\thepage
\gdef\sheetbegin{\clearpage{\def\@elt##1{\ifcsname sheet@##1\endcsname
  \global\csname c@##1\endcsname\csname sheet@##1\endcsname\relax\fi}\cl@@ckpt}
  \global\let\thepage\sheet@thepage\global\@nobreakfalse}
\gdef\sheetend#1{\clearpage\typeout{^^J*SHEET #1 \number\ReadonlyShipoutCounter*}}
\makeatother
"""
r"""Each counter gets the value back that it had at ``\begin{document}``; the log is told how many pages there are by now.

The number of a longtable stays what it is: the file of widths goes by it.
"""
_MARK = re.compile(r"(?m)^\*SHEET (\d+) (\d+)\*$")


BY_TYPST = (
    "this sheet has letters that LaTeX has no font for, and they are printed as □; "
    "pip install 'bptt-trace[pdf]' brings Typst, which sets them, or compile -f latex with lualatex or xelatex"
)
A_FONT = (
    "a box or a gap stands in its place; on Debian and Ubuntu, apt install fonts-noto-core fonts-noto-cjk "
    "brings fonts for most scripts"
)


TYPST_KINDS = ("worked solution", "worksheet", "key", "marked")
"""The sheets that have a template for Typst."""


def source(sheet: Sheet, templates: Path | None = None, engine: Engine | None = None) -> str:
    """The source for ``compile_one`` and ``compile_many``: the sheet in LaTeX, or for Typst where Typst must set it.

    Typst must where there is no LaTeX, and for letters that LaTeX has no font
    for, unless an engine was asked for by name. Raises ``ProgramMissing`` where there is
    neither, or where Typst will not do; warns of letters without a font (``LettersMissing``).
    """
    from bptt_trace.media.templates import latex, typst

    has_template = sheet.kind in TYPST_KINDS and (templates is None or (templates / "sheet.typ.j2").is_file())
    program = (engine or find_engine()).name
    if program != TYPST:
        scripts: set[str] = set()
        tex = latex(sheet, templates, scripts=scripts)
        if not scripts or (asked_for() and program != "pdflatex"):
            return tex
        if asked_for() or not has_template or find_spec(TYPST) is None:
            warnings.warn(LettersMissing(BY_TYPST), stacklevel=2)
            return tex
    if not has_template:
        what = f"a {sheet.kind}" if sheet.kind not in TYPST_KINDS else "a folder of templates without sheet.typ.j2"
        raise ProgramMissing(f"{MISSING}\nHere is Typst alone, and {what} wants LaTeX.")
    return TypstDocument(typst(sheet, templates))


def as_pdf(sheet: Sheet, templates: Path | None = None) -> bytes:
    """A sheet as PDF, by the program that is installed; one that is arranged for one page is set as closely as it must.

    Raises ``ProblemError`` where it takes more than this page, and what ``source`` and ``compile_one`` raise.
    """
    if sheet.layout != "one-page":
        return compile_one(source(sheet, templates))
    pages = 0
    for density in range(sheet.density, -1, -1):
        pdf = compile_one(source(replace(sheet, density=density), templates))
        pages = _pages(pdf)
        if pages == 1:
            return pdf
    fewer = _on_one_page(sheet, templates, sum(1 for _ in sheet.rows()) // (pages - 1))
    some = f"--only {','.join(fewer)} fits on one, and " if fewer else ""
    raise ProblemError(
        f"with letters that can be read, this takes {pages} pages, not one; {some}--style compact and --style full print all "
        "of it on several pages"
    )


def _pages(pdf: bytes) -> int:
    from pypdf import PdfReader

    return len(PdfReader(BytesIO(pdf)).pages)


def _on_one_page(sheet: Sheet, templates: Path | None, most: int) -> list[str]:
    """The first sections of a sheet, as many as one page holds behind its picture; more than ``most`` lines are not tried."""
    drawn = tuple(section for section in sheet.sections if section.id == "network")
    others = [section for section in sheet.sections if section.id != "network"]
    for count in range(len(others) - 1, 0, -1):
        part = replace(sheet, sections=(*drawn, *others[:count]), density=0)
        if sum(1 for _ in part.rows()) <= most and _pages(compile_one(source(part, templates))) == 1:
            return [section.id for section in others[:count]]
    return []


def compile_one(tex: str, *, engine: Engine | None = None, seconds: float | None = None) -> bytes:
    """A document (see ``source``) as PDF; the same bytes each time.

    ``seconds`` replaces the limit of time. Raises ``TypesettingError`` for a
    document that does not compile, ``ProgramMissing`` where no engine is.
    """
    return _Press(engine or find_engine(), seconds).one(tex)


def compile_many(
    documents: Mapping[str, str], jobs: int = 1, *, engine: Engine | None = None, seconds: float | None = None
) -> dict[str, bytes]:
    """Documents (see ``source``) as PDF, by name; ``jobs`` engines work at a time.

    The pages are those that ``compile_one`` gives, and the same documents give
    the same bytes, whatever ``jobs`` is. Raises ``TypesettingError`` when all
    are done, with the failures by name and with the documents that did compile;
    ``ProgramMissing`` where no engine is.
    """
    press = _Press(engine or find_engine(), seconds)
    done: dict[str, bytes] = {}
    failures: dict[str, str] = {}
    with _Jobs(jobs, press.running) as pool:
        batches = [] if press.engine.name == TYPST else [batch for batch in _batches(documents) if len(batch.bodies) > 1]
        for batch, made in zip(batches, pool.map(press.together, batches), strict=True):
            done |= batch.parts(made)  # while the engine sets the next one
        # The others by themselves, and only now, so that they too are spread over the jobs.
        alone = [name for name in documents if name not in done]
        for name, (pdf, why) in zip(alone, pool.map(press.attempt, [documents[name] for name in alone]), strict=True):
            if pdf is None:
                failures[name] = why
            else:
                done[name] = pdf
    ordered = {name: done[name] for name in documents if name in done}
    if failures:
        raise TypesettingError(failures, ordered)
    return ordered


class _Jobs(ThreadPoolExecutor):
    """Threads that wait for engines; an early exit ends these."""

    def __init__(self, jobs: int, running: Running) -> None:
        super().__init__(max(1, jobs))
        self._running = running

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind is not None:
            self._running.stop()
        self.shutdown(cancel_futures=kind is not None)


class _Press:
    """One engine, set to work on documents."""

    def __init__(self, engine: Engine, seconds: float | None) -> None:
        self.engine, self.seconds, self.running = engine, seconds, Running()

    def one(self, tex: str) -> bytes:
        """A document by itself."""
        try:
            return self._set(tex)
        except BaseException:
            self.running.stop()
            raise

    def attempt(self, tex: str) -> tuple[bytes | None, str]:
        """A document by itself, or the reason why it fails."""
        try:
            return self._set(tex), ""
        except TypesettingError as error:
            return None, error.failures[""]

    def _set(self, text: str) -> bytes:
        if self.engine.name == TYPST or isinstance(text, TypstDocument):  # a sheet with letters that LaTeX has no font for
            return typst_pdf(text)
        return typeset(text, self.engine, self.running, self.seconds).pdf

    def together(self, batch: _Batch) -> Typeset | None:
        """The documents of a batch in one run, if they can be."""
        try:
            return typeset(batch.tex(), self.engine, self.running, self.seconds)
        except TypesettingError:
            return None


def _split(pdf: bytes, ends: Sequence[int], about: Sequence[Mapping[str, str]]) -> list[bytes]:
    """The parts of a file that end behind the pages counted; none if the count is not that of the file.

    ``about`` has what each says of itself.

    A page takes along what it refers to, which is its own text and its fonts.
    These have the letters of all parts, but no part's words.
    """
    from pypdf import PdfReader, PdfWriter

    reader = PdfReader(BytesIO(pdf))
    starts = [0, *ends[:-1]]
    if ends[-1] != len(reader.pages) or any(start >= end for start, end in zip(starts, ends, strict=True)):
        return []
    parts = []
    for start, end, own in zip(starts, ends, about, strict=True):
        writer = PdfWriter()
        writer.pdf_header = reader.pdf_header
        for page in reader.pages[start:end]:
            writer.add_page(page)
        writer.metadata = None
        if own:
            writer.add_metadata(dict(own))
        file = BytesIO()
        writer.write(file)
        parts.append(file.getvalue())
    return parts


def joined(pdfs: Sequence[bytes]) -> bytes:
    """Several files as one, to be printed in one go."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for pdf in pdfs:
        for page in PdfReader(BytesIO(pdf)).pages:
            writer.add_page(page)
    writer.metadata = None
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


class _Batch(NamedTuple):
    """Documents of one preamble."""

    preamble: str
    bodies: dict[str, tuple[str, str, dict[str, str]]]
    """By name: the document's own lines of the preamble, its body, and what it says of itself."""

    def tex(self) -> str:
        """All documents as one."""
        each = (
            f"\\sheetbegin\n{own}\n\\begingroup\n{body}\n\\sheetend{{{place}}}\\endgroup\n"
            for place, (own, body, _) in enumerate(self.bodies.values())
        )
        return f"{self.preamble}{_BEGIN}{_SETUP}{''.join(each)}{_END}\n"

    def parts(self, made: Typeset | None) -> dict[str, bytes]:
        """The documents, told apart again; none of them if that cannot be done for certain."""
        counted = [] if made is None else [(int(which), int(pages)) for which, pages in _MARK.findall(made.log)]
        if made is None or [which for which, _ in counted] != list(range(len(self.bodies))):
            return {}
        parts = _split(made.pdf, [pages for _, pages in counted], [about for _, _, about in self.bodies.values()])
        return dict(zip(self.bodies, parts, strict=True)) if parts else {}


def _batches(documents: Mapping[str, str]) -> Iterator[_Batch]:
    """Documents that can be set in one run, of equal numbers."""
    groups: dict[str, dict[str, tuple[str, str, dict[str, str]]]] = {}
    for name, tex in documents.items():
        if (parts := _parts(tex)) is not None:
            preamble, own, body, about = parts
            groups.setdefault(preamble, {})[name] = (own, body, about)
    for preamble, bodies in groups.items():
        runs = -(-len(bodies) // TOGETHER)
        size = -(-len(bodies) // runs)
        items = iter(bodies.items())
        while batch := dict(islice(items, size)):
            yield _Batch(preamble, batch)


def _parts(tex: str) -> tuple[str, str, str, dict[str, str]] | None:
    """The preamble that it may share, its own lines, its body, and what it says of itself; None for what is set by itself."""
    preamble, begin, rest = tex.partition(_BEGIN)
    body, end, after = rest.partition(_END)
    if not begin or not end or after.strip() or _ALONE.search(tex):
        return None
    own = _OWN.findall(preamble)
    about = _ABOUT.search(preamble)
    entries = _ENTRY.findall(about[1]) if about else []
    said = {key: plain or bytes.fromhex(digits).decode("utf-16") for key, plain, digits in entries}
    shared = _ABOUT.sub("", _OWN.sub("", preamble))
    if any(line.count("{") != line.count("}") for line in own):
        return None
    return shared, "\n".join(own), body, said


def typst_pdf(text: str) -> bytes:
    """A document of Typst as PDF; it reads no file and knows no time.

    It has the fonts that Typst brings along, and those of the system where a letter is in none of these.
    """
    if _BEGIN in text:
        raise ProgramMissing(f"{MISSING}\nHere is Typst alone, and a document in LaTeX wants LaTeX.")
    import typst

    others = beyond_typst(text)
    if missing := _without_font(others):
        warnings.warn(LettersMissing(f"no font here has {' '.join(missing[:5])}; {A_FONT}"), stacklevel=2)
    with TemporaryDirectory(prefix="bptt-trace-") as empty:
        try:
            data = text.encode("utf-8", "replace")
            pdf: Any = typst.compile(data, root=empty, ignore_system_fonts=not others, timestamp=0)  # type: ignore[type-var]
        except (RuntimeError, typst.TypstError) as error:
            raise TypesettingError({"": str(error)}) from None
    assert isinstance(pdf, bytes)
    return pdf


def _without_font(letters: set[str]) -> list[str]:
    """Those of these letters that no font of the system has, in order."""
    missing = set(letters)
    if missing:
        from fontTools.ttLib import TTFont, TTLibError
        from typst import Fonts

        for font in Fonts().fonts():
            if missing and font.path is not None:
                with suppress(OSError, TTLibError), TTFont(font.path, fontNumber=font.index, lazy=True) as file:
                    missing -= {sign for sign in missing if ord(sign) in (file.getBestCmap() or {})}
    return sorted(missing)
