"""The parts of a QTI item: elements, as versions 3.0 and 2.x name them, and expressions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from bptt_trace.document.calculated_notations import QTI, QTI2
from bptt_trace.document.notation import Signs


@dataclass(frozen=True)
class Dialect:
    """A version of QTI: the names of its elements, and its schemas."""

    version: str
    prefix: str
    signs: Signs
    items: str
    """The namespace of items."""
    schema: str
    """The address of the schema of items."""
    manifest: str
    """The namespace of manifests."""
    kind: str
    """The type of an item in a manifest."""
    about: tuple[str, str]
    """The name and the version of the format in a manifest."""

    def name(self, words: str) -> str:
        """The name of an element of QTI, from its words: ``qti-text-entry-interaction``, or ``textEntryInteraction``."""
        return self.prefix + words if self.prefix else _joined(words)

    def element(self, words: str, *parts: str, **attributes: str | float | bool) -> str:
        """An element; ``base_type="float"`` is an attribute of two words."""
        told = "".join(f' {self._attribute(key)}="{_value(value)}"' for key, value in attributes.items())
        name = self.name(words)
        return f"<{name}{told}>{''.join(parts)}</{name}>" if parts else f"<{name}{told}/>"

    def _attribute(self, key: str) -> str:
        words = key.replace("_", "-")
        return words if self.prefix else _joined(words)

    # ------------------------------------------------------------- expressions

    def number(self, value: float) -> str:
        """A number."""
        return self.element("base-value", repr(float(value)), base_type="float")

    def truth(self, value: bool) -> str:
        """True or false."""
        return self.element("base-value", _value(value), base_type="boolean")

    def word(self, value: str) -> str:
        """An identifier."""
        return self.element("base-value", value, base_type="identifier")

    def variable(self, name: str) -> str:
        """A variable of the item."""
        return self.element("variable", identifier=name)

    def size(self, expression: str) -> str:
        """The absolute value."""
        return self.element("math-operator", expression, name="abs")

    def apart(self, one: str, other: str) -> str:
        """The distance of two numbers."""
        return self.size(self.element("subtract", one, other))

    def times(self, factor: float, expression: str) -> str:
        """A multiple."""
        return self.element("product", self.number(factor), expression)

    def added(self, terms: Iterable[str]) -> str:
        """A sum, 0 for no terms."""
        listed = list(terms)
        return self.element("sum", *listed) if len(listed) > 1 else listed[0] if listed else self.number(0)

    def at_most(self, one: str, other: str) -> str:
        """Whether the first is at most the second."""
        return self.element("lte", one, other)

    def any(self, conditions: Iterable[str]) -> str:
        """Whether at least one of these holds."""
        listed = list(conditions)
        return self.element("or", *listed) if len(listed) > 1 else listed[0] if listed else self.truth(False)

    def all(self, *conditions: str) -> str:
        """Whether all of these hold."""
        return self.element("and", *conditions)

    def is_(self, one: str, value: float) -> str:
        """Whether a number is exactly this one."""
        return self.element("equal", one, self.number(value), tolerance_mode="exact")

    def never(self, condition: str) -> str:
        """Whether it does not hold."""
        return self.element("not", condition)

    # -------------------------------------------------------------------- rules

    def put(self, name: str, expression: str) -> str:
        """Give a variable a value."""
        return self.element("set-outcome-value", expression, identifier=name)

    def cases(self, *cases: tuple[str, str], otherwise: str = "") -> str:
        """The rules of the first condition that holds."""
        parts = [self.element("response-else-if" if place else "response-if", *case) for place, case in enumerate(cases)]
        return self.element("response-condition", *parts, *([self.element("response-else", otherwise)] if otherwise else []))

    def outcome(self, name: str, base_type: str, cardinality: str = "single", start: str = "", **more: str | float) -> str:
        """A variable of the item, with its value at the start."""
        default = [self.element("default-value", self.element("value", start))] if start else []
        return self.element(
            "outcome-declaration", *default, identifier=name, cardinality=cardinality, base_type=base_type, **more
        )


def _joined(words: str) -> str:
    first, *others = words.split("-")
    return first + "".join(map(str.title, others))


def _value(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return escape(value) if isinstance(value, str) else f"{value:g}"


V3 = Dialect(
    "3.0",
    "qti-",
    QTI,
    "http://www.imsglobal.org/xsd/imsqtiasi_v3p0",
    "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_asiv3p0_v1p0.xsd",
    "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
    "imsqti_item_xmlv3p0",
    ("QTI Package", "3.0.0"),
)
V22 = Dialect(
    "2.2",
    "",
    QTI2,
    "http://www.imsglobal.org/xsd/imsqti_v2p2",
    "http://www.imsglobal.org/xsd/qti/qtiv2p2/imsqti_v2p2.xsd",
    "http://www.imsglobal.org/xsd/imscp_v1p1",
    "imsqti_item_xmlv2p2",
    ("QTIv2.2 Package", "1.0.0"),
)
V21 = Dialect(
    "2.1",
    "",
    QTI2,
    "http://www.imsglobal.org/xsd/imsqti_v2p1",
    "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    "http://www.imsglobal.org/xsd/imscp_v1p1",
    "imsqti_item_xmlv2p1",
    ("QTIv2.1 Package", "1.0.0"),
)
DIALECTS = {"qti": V3, "qti2.2": V22, "qti2.1": V21}
"""By the name of the form."""
