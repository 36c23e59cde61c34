"""A program that reproduces a sheet, as text: a listing through its template."""

from __future__ import annotations

import re

from bptt_trace.listing import Listing
from bptt_trace.render.document import environment_for


def code(listing: Listing) -> str:
    """The program as a file of Python."""
    text = environment_for(f"{listing.form}.py.j2").get_template(f"{listing.form}.py.j2").render(listing=listing)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip() + "\n"
