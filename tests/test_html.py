"""A page of HTML: its formulas, its links, and how it shows itself in a browser: on a phone, in the dark, on paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from html_reader import Element, mathematics, page
from pypdf import PdfReader
from random_problems import examples
from students import by_hand
from sweeps import abreast, chosen, key, paired, thinned
from sweeps import solution as example

from bptt_trace import check, load, solve
from bptt_trace.document.sheet import LineNumber, Sheet
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.report import report
from bptt_trace.media.html import anchor
from bptt_trace.media.templates import html, html_fragment
from bptt_trace.worked_solution.gradient_flow import flow_sheet

PHONE = 360
SOLVED = ["rnn", "lstm", "classifier", "seq2seq", "bidirectional", "adam", "keras-gru", "selective-state-space"]


def marked(name: str) -> Sheet:
    """A report with a wrong line in five, one that cannot be read and blank ones."""
    one = key(name)
    lines = [p for p, step in enumerate(one.steps) if step.rule is not None]
    answers = by_hand(one, slips={p: 300 * one.quantum[p] for p in lines[3::5]})
    first, second, *_ = answers
    return report(one, check(one, {**answers, first: "", second: "0,,1"}), "Ada")


SHEETS: dict[str, Callable[[], Sheet]] = {
    **{name: lambda name=name: example(name).sheet for name in SOLVED},
    "full": lambda: example("rnn", rounding="full").sheet,
    "exact": lambda: example("fnn", rounding="exact").sheet,
    "carry": lambda: example("rnn3", rounding="carry:2dp").sheet,
    "worksheet": lambda: worksheet(key("rnn"), blanks_of(key("rnn"))),
    "worksheet with numbers": lambda: worksheet(key("rnn"), blanks_of(key("rnn"), hints=3)),
    "worksheet of vectors": lambda: worksheet(key("classifier"), blanks_of(key("classifier"), ["gradients"], 0)),
    "key": lambda: key_sheet(key("classifier")),
    "marked": lambda: marked("rnn"),
    "marked vectors": lambda: marked("classifier"),
    "flow": lambda: flow_sheet([load("vanishing"), load("vanishing-lstm")], with_latex=True, canonical=False),
}


@cache
def text(name: str) -> str:
    """One of these sheets, or the solution of an example, as a page."""
    return html(SHEETS[name]() if name in SHEETS else example(name).sheet)


PAGES = [*SHEETS, *(name for name in examples() if name not in SHEETS)]
NO_USES = {"worksheet", "worksheet with numbers", "worksheet of vectors", "key", "marked", "marked vectors", "flow"}
of_pages = chosen(PAGES, list(SHEETS)[::3])


@cache
def elements(name: str) -> list[Element]:
    """All elements of a page."""
    return list(page(text(name)).all())


# ------------------------------------------------------------------------- markup


@pytest.mark.parametrize("name", of_pages)
def test_every_formula_is_xml(name: str) -> None:
    """Each element ``math`` by itself; none of them is empty, and none is wider than what a relation, a term or a factor is."""
    found = mathematics(text(name))
    assert len(found) > 20
    assert all("".join(one.itertext()).strip() for one in found)


@pytest.mark.parametrize("name", of_pages)
def test_an_id_is_there_once_and_links_lead_to_ids(name: str) -> None:
    """Whatever is left out of the sheet."""
    ids = [one.attributes["id"] for one in elements(name) if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    targets = {one.attributes["href"] for one in elements(name) if one.tag == "a"}
    targets |= {f"#{one.attributes['aria-labelledby']}" for one in elements(name) if "aria-labelledby" in one.attributes}
    assert targets <= {f"#{one}" for one in ids}


@pytest.mark.parametrize(
    "name",
    chosen([name for name in PAGES if name not in NO_USES], ["lstm", "adam", "bidirectional", "selective-state-space", "exact"]),
)
def test_a_number_in_uses_leads_to_its_line(name: str) -> None:
    """Every line that the sheet has, and a line is called by its number."""
    sheet = SHEETS[name]() if name in SHEETS else example(name).sheet
    rows = list(sheet.rows())
    known = {row.number for row in rows if row.number}
    found = {one.attributes["id"]: one for one in elements(name) if one.tag == "tr" and "id" in one.attributes}
    assert set(found) == {anchor(number) for number in known}
    for row in rows:
        if row.number:
            parts = [part for part in row.uses.parts if isinstance(part, LineNumber)]
            wanted = [f"#{anchor(at)}" for part in parts for at in [one for one in (part.at, part.whole) if one in known][:1]]
            links = [one.attributes["href"] for one in found[anchor(row.number)].all("a")]
            assert links == wanted, row.number
            assert found[anchor(row.number)].cell("line").text == row.number
            assert found[anchor(row.number)].cell("uses").text.removeprefix("uses ") == row.uses


@pytest.mark.parametrize("detail", ["both", "lines", "board"])
def test_what_a_line_uses_is_on_the_sheet(detail: str) -> None:
    """Where all lines are printed, every number in "uses" leads somewhere, however vectors are told."""
    sheet = solve("classifier", steps="full", detail=detail).sheet
    count = sum(isinstance(part, LineNumber) for row in sheet.rows() for part in row.uses.parts)
    assert html(sheet).count('<a href="#line-') == count > 20


@pytest.mark.parametrize("name", thinned(SHEETS, 2))
def test_a_page_is_told_by_its_elements(name: str) -> None:
    """One heading of the first rank; a heading over each column and beside each row; nothing is fetched, nothing runs."""
    found = elements(name)
    assert [one.attributes.get("lang") for one in found if one.tag == "html"] == ["en"]
    assert sum(one.tag == "h1" for one in found) == 1
    assert any(one.attributes.get("name") == "viewport" for one in found)
    assert {one.attributes.get("scope") for one in found if one.tag == "th"} <= {"col", "row"}
    for table in (one for one in found if one.tag == "table"):
        wide = {sum(int(cell.attributes.get("colspan", 1)) for cell in row.elements) for row in table.all("tr")}
        assert len(wide) == 1, table.text[:80]
    assert not {one.tag for one in found} & {"script", "link", "img", "iframe", "object", "form", "video", "audio"}
    assert not {attribute for one in found for attribute in one.attributes if attribute.startswith("on") or attribute == "src"}
    assert not re.search(r"url\(|@import|@font-face", text(name))
    assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'' in text(name)


def test_a_page_is_small_and_always_the_same() -> None:
    """The worked solution with two pictures takes less than 100 kB."""
    one = html(solve("rnn").sheet)
    assert len(one.encode()) < 100_000
    assert one == html(solve("rnn").sheet)
    assert one == solve("rnn").to_html()


def test_a_line_that_is_a_way_of_a_gradient_is_coloured_by_its_class() -> None:
    """Direct, carried and the sum of both, as they are in the general formula."""
    rows = {one.attributes["id"]: one for one in elements("rnn") if one.tag == "tr" and "id" in one.attributes}
    assert [rows[f"line-{line}"].attributes.get("class") for line in (14, 15, 16, 17)] == ["direct", "carried", "sum", None]
    (equation,) = [one for one in page(text("rnn")).all(of="equations") if "⏟" in one.text]
    assert [(one.attributes["class"], one.text) for one in equation.all("mrow") if "class" in one.attributes] == [
        ("direct", "direct"),
        ("carried", "carried"),
    ]


def test_a_notebook_has_ids_of_each_sheet() -> None:
    """Several sheets on one page do not share an id; each brings its style, and no document."""
    one, other = solve("rnn")._repr_html_(), solve("rnn3")._repr_html_()
    ids = [set(re.findall(r' id="([^"]+)"', fragment)) for fragment in (one, other)]
    assert all(ids)
    assert not ids[0] & ids[1]
    for fragment in (one, other):
        tree = page(fragment)
        assert [child.tag for child in tree.elements] == ["div"]
        assert not {child.tag for child in tree.all()} & {"html", "body", "head", "script"}
        assert all(re.match(r"@media|:is\(\[data-jp-theme|\.sheet", rule) for rule in rules(fragment))
    assert one == html_fragment(solve("rnn").sheet)


def rules(fragment: str) -> list[str]:
    """What the rules of a style are about."""
    (style,) = re.findall(r"<style>(.*?)</style>", fragment, re.DOTALL)
    return [rule.strip() for rule in re.findall(r"(?:^|[{}])([^{};]*)(?={)", style) if rule.strip()]


def test_marks_show_their_report_in_a_notebook() -> None:
    """As the report has it; marks that do not know their key show themselves as before."""
    one = key("rnn")
    marks = check(one, {"h_1": "0.5370", "a_1": "0.7"})
    assert marks._repr_html_() == html_fragment(report(one, marks))
    assert "Marked: One-neuron RNN" in (marks._repr_markdown_() or "")
    assert type(marks)(marks.answers)._repr_html_() is None
    assert marks == type(marks)(marks.answers, marks.unwritten, marks.comma)


# ------------------------------------------------------------------------ a browser


@pytest.fixture
def shown(tabs: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a page from a file; it says nothing on the console and asks for nothing."""

    def open_page(name: str, **how: Any) -> Any:
        path = tmp_path / f"{name}.html"
        path.write_text(text(name), "utf-8")
        tab = tabs.lend(bypass_csp=True, **how)
        tab.goto(path.as_uri())
        return tab

    yield open_page
    own = tmp_path.as_uri()
    assert [one for one in tabs.take_back() if one[0] != "request" or not one[1].startswith(own)] == []


BESIDE = """() => [...document.querySelectorAll(".lines:not(.stacked) tbody tr:has(td.result)")].map(row => {
  const [one, other] = ["quantity", "result"].map(c => row.querySelector("td." + c).getBoundingClientRect());
  return one.right <= other.left + 1 && other.right <= 361 && one.top < other.bottom && other.top < one.bottom;
})"""


@pytest.mark.parametrize("name", chosen(PAGES, ["adam", "exact", "worksheet", "worksheet of vectors", "marked"]))
def test_a_phone_does_not_scroll_sideways(name: str, shown: Callable[..., Any]) -> None:
    """At 360 pixels the page is no wider, and the result of a line stands beside its quantity."""
    tab = shown(name, width=PHONE)
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= PHONE
    apart = tab.evaluate(BESIDE)
    assert all(apart), [place for place, beside in enumerate(apart) if not beside]


CONTRAST = """() => {
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), one = walker.currentNode.parentElement;
    if (!text || one.closest("style, title, desc")) continue;
    const style = getComputedStyle(one), drawn = one.closest("svg");
    const pair = [drawn ? style.fill : style.color, ground(one)];
    found.set(pair.join(), [...pair, text.slice(0, 20)]);
  }
  return [...found.values()];
}"""


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(…)`` by WCAG 2.2."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("name", "scheme"),
    paired(
        chosen(["rnn", "seq2seq", "worksheet", "key", "marked", "flow"], ["rnn", "worksheet", "marked", "flow"]),
        ["light", "dark"],
    ),
)
def test_text_stands_out_from_its_ground(name: str, scheme: str, shown: Callable[..., Any]) -> None:
    """By at least 4.5 to 1, the level AA of WCAG, in light and in dark; and the ground is what was asked for."""
    tab = shown(name, scheme=scheme)
    pairs = tab.evaluate(CONTRAST)
    assert len(pairs) > 1
    for colour, ground, said in pairs:
        light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (said, colour, ground)
        assert (luminance(ground) > 0.5) == (scheme == "light"), said


def test_the_number_of_a_line_in_place_of_its_result_stands_in_a_box(shown: Callable[..., Any]) -> None:
    """Each of them, as the conventions of the sheet say: without its frame it would be another number."""
    tab = shown("worksheet with numbers")
    frames = tab.evaluate("[...document.querySelectorAll('.boxed')].map(one => getComputedStyle(one).borderTopWidth)")
    assert len(frames) > 30
    assert {*frames} == {"1px"}


@pytest.mark.parametrize("name", ["rnn", "worksheet", "marked"])
def test_a_page_is_printed_on_few_sheets(name: str, shown: Callable[..., Any]) -> None:
    """On white A4, whatever the screen is like; no row, no note and no picture is cut."""
    tab = shown(name, scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    kept = tab.evaluate("[...document.querySelectorAll('tr, .note, figure, li')].map(one => getComputedStyle(one).breakInside)")
    assert {*kept} == {"avoid"}
    assert tab.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor") == "rgb(255, 255, 255)"
    pages = PdfReader(BytesIO(tab.pdf(prefer_css_page_size=True))).pages
    assert len(pages) <= 6
    assert [round(float(side)) for side in pages[0].mediabox[2:]] == [595, 842]


def test_a_click_on_a_number_goes_to_its_line(shown: Callable[..., Any]) -> None:
    """The line is marked, and in sight."""
    tab = shown("rnn")
    tab.click("#line-33 td.uses a")
    assert tab.url.endswith("#line-28")
    assert tab.evaluate("document.querySelector('tr:target').querySelector('th').textContent") == "28"
    top = tab.evaluate("document.querySelector('tr:target').getBoundingClientRect().top")
    assert 0 <= top < 900


@pytest.mark.parametrize(("name", "width"), abreast(chosen(list(SHEETS), ["marked"]), chosen([360, 1280], [360])))
def test_nothing_keeps_people_from_reading_a_page(name: str, width: int, shown: Callable[..., Any], axe: str) -> None:
    """axe-core finds no violation of any of its rules."""
    tab = shown(name, width=width)
    tab.evaluate(axe)
    found = tab.evaluate("axe.run()")["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found] == []
