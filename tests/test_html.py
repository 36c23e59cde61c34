"""A page of HTML: its formulas, its links, and how it shows itself in a browser, on a phone, in the dark and on paper."""

from __future__ import annotations
