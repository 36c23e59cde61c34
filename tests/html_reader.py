"""A page read back: its elements as a tree, and the lines that stand in it, in the spelling that the calculator of ``law`` reads.

Nothing here comes from the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

from law import Printed

VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}


@dataclass
class Element:
    """An element of a page; texts stand among its children."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str = "", of: str = "") -> Iterator[Element]:
        """Elements within it, in their order: those of a tag, those of a class."""
        for child in self.elements:
            if (not tag or child.tag == tag) and (not of or of in child.classes):
                yield child
            yield from child.all(tag, of)

    def cell(self, of: str) -> Element:
        """The only element of a class within it; an empty one where there is none."""
        found = [one for one in self.all(of=of) if one.tag in ("td", "th", "span")]
        assert len(found) < 2, (of, self)
        return found[0] if found else Element("none")


class _Tree(HTMLParser):
    """Every element that begins ends, in order: anything else is a mistake of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        one = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(one)
        if tag not in VOID:
            self.open.append(one)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag == "p" and self.open[-1].tag != "p":
            raise AssertionError(f"</p> within {self.open[-1].tag}")
        assert self.open.pop().tag == tag, tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def page(text: str) -> Element:
    """A page as a tree."""
    tree = _Tree()
    tree.feed(text)
    tree.close()
    assert len(tree.open) == 1, [one.tag for one in tree.open]
    return tree.open[0]


def mathematics(text: str) -> list[ElementTree.Element]:
    """Every element ``math`` of a page, read as XML."""
    return [ElementTree.fromstring(piece) for piece in re.findall(r"<math>.*?</math>", text, re.DOTALL)]


# --------------------------------------------------------------------- calculations

SIGNS = {
    "−": "-", "·": r" \cdot ", "⊙": r" \odot ", "…": r"\dots", "σ": r"\sigma", "φ": r"\varphi", "ψ": r"\psi", "∑": r"\sum",
    "⊤": "T", "≈": r"\approx",
}  # fmt: skip


def spelled(element: Element) -> str:
    """A calculation in one line, as the calculator reads it."""
    return "".join(map(_spelled, element.all("math"))).strip()


def _spelled(element: Element) -> str:
    parts = [_spelled(child) for child in element.elements]
    match element.tag:
        case "mn" | "mi" | "mo" | "mtext":
            text = SIGNS.get(element.text, element.text)
            return (
                f" {text} "
                if element.tag == "mo" and element.text in "+−" and element.attributes.get("form") == "infix"
                else text
            )
        case "mfrac":
            return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
        case "msup":
            return f"{parts[0]}'" if parts[1] == "′" else f"{parts[0]}^{{{parts[1]}}}".replace("^{T}", "^T")
        case "msub":
            return f"{parts[0]}_{parts[1]}" if parts[1].startswith("[") else f"{parts[0]}_{{{parts[1]}}}"
        case "msqrt":
            return rf"\sqrt{{{''.join(parts)}}}"
        case "mtable":
            rows = [", ".join(map(_spelled, row.elements)) for row in element.elements]
            return f"[{'; '.join(rows)}]"
        case "mrow" if [child.tag for child in element.elements] == ["mo", "mtable", "mo"]:
            return parts[1]
        case "mrow" | "math" | "mtd":
            return "".join(_in_row(element.elements, parts))
        case "wbr":
            return ""
        case _:
            return f"<{element.tag}>"


def _in_row(elements: list[Element], parts: list[str]) -> Iterator[str]:
    """A sign between two others has spaces around it; one that begins, or follows a bracket, is the sign of a number."""
    for place, (element, part) in enumerate(zip(elements, parts, strict=True)):
        before = elements[place - 1].text if place else ""
        between = element.tag == "mo" and part in ("+", "-") and before not in ("", "(", "[", ",")
        yield f" {part} " if between or part == "=" else ", " if part == "," else part


# ---------------------------------------------------------------------------- names

LETTERS = {
    "η": "eta", "β": "beta", "γ": "gamma", "ε": "epsilon", "λ": "lambda", "θ": "theta", "α": "alpha", "δ": "delta", "μ": "mu",
    "ψ": "psi",
}  # fmt: skip


ACCENTS = {"^": "hat", "~": "tilde", "¯": "bar"}


def name(element: Element) -> str:
    """The name of a quantity as in answer files."""
    return "".join(_name(math.elements) for math in element.all("math"))


def _name(parts: list[Element]) -> str:
    if len(parts) == 1 and parts[0].tag == "mfrac":
        of, by = parts[0].elements
        return f"d{_name(_slope(of))}/d{_name(_slope(by))}"
    if len(parts) > 2 and parts[1].text.strip() == "via":
        return f"{_name(parts[:1])} via {_name(parts[2:])}"
    first, *others = parts
    index = "".join(one.text for one in others)
    assert not index or re.fullmatch(r"\[[\d,]+\]", index), index
    stem, below, above = _letter(first)
    time = below.pop() if below and re.fullmatch(r"\d+|[tT](?:[-+]\d+)?", below[-1]) else ""
    time = f"({time})" if len(time) > 1 and not time.isdigit() else time
    layer = re.search(r"\((\w+)\)", above)
    arrow = re.search(r"(fwd|bwd)", above)
    word = (arrow[0] if arrow else "") + (layer[1] if layer else "")
    sample, iteration = re.search(r"⟨(\d+)⟩", above), re.search(r"@(\d+)", above)
    at = "_".join([stem, *below]) + (f"({word})" if word else "") + (f"_{time}" if time else "") + ("'" if "′" in above else "")
    return at + index + (f"#{sample[1]}" if sample else "") + (f"@{iteration[1]}" if iteration else "")


def _slope(row: Element) -> list[Element]:
    first, *others = row.elements
    assert first.text == "∂"
    return others


def _letter(element: Element) -> tuple[str, list[str], str]:
    """The letter, what stands below it, and what stands above it."""
    parts = element.elements
    match element.tag:
        case "mi":
            return LETTERS.get(element.text, element.text), [], ""
        case "mover":
            stem, below, above = _letter(parts[0])
            sign = parts[1].text
            if sign in ACCENTS:
                return stem + ACCENTS[sign], below, above
            return stem, below, above + {"→": "fwd", "←": "bwd"}[sign]
        case "msub":
            stem, below, above = _letter(parts[0])
            return stem, [*below, *_below(parts[1])], above
        case "msup":
            stem, below, above = _letter(parts[0])
            return stem, below, above + parts[1].text
        case "msubsup":
            stem, below, above = _letter(parts[0])
            return stem, [*below, *_below(parts[1])], above + parts[2].text
        case _:
            raise AssertionError(element)


def _below(element: Element) -> list[str]:
    if element.tag == "msub":
        stem, below, _ = _letter(element)
        return [stem, *below]
    if element.tag == "mrow" and any(child.tag in ("msub", "mrow") for child in element.elements):
        return [part for child in element.elements if child.tag != "mo" for part in _below(child)]
    if re.fullmatch(r"\d+,\d+", element.text):  # an entry over places
        return [element.text]
    return [LETTERS.get(part, part) for part in element.text.replace("−", "-").split(",")]


def told(element: Element) -> str:
    """Words with names and numbers among them."""
    return "".join(child if isinstance(child, str) else _told(child) for child in element.children)


def _told(element: Element) -> str:
    if element.tag != "math":
        return told(element)
    try:
        return _name(element.elements)
    except AssertionError:
        return _spelled(element)


# ---------------------------------------------------------------------------- lines


def read_html(text: str) -> list[list[Printed]]:
    """The lines of a page, section by section."""
    sections = [section for section in page(text).all("section") if any(one.tag == "h2" for one in section.elements)]
    return [
        [_line(row) for table in section.all("table", of="lines") for body in table.all("tbody") for row in body.all("tr")]
        for section in sections
        if section.classes == set()
    ]


def _line(row: Element) -> Printed:
    result = row.cell("result")
    formula, numbers = spelled(row.cell("formula")), spelled(row.cell("numbers"))
    if "board" in row.classes and not numbers:
        numbers = spelled(result)
    return Printed(
        row.cell("line").text, name(row.cell("quantity")), formula, numbers,
        "~" if "≈" in result.text else "=", spelled(result), spelled(row.cell("so-far")),
    )  # fmt: skip
