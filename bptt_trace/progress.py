"""A bar that tells how far something has come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """A bar on standard error, moved by calling what it gives; nothing where ``total`` is 0."""
    if not total:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    with Progress(console=Console(file=sys.stderr)) as shown:
        task = shown.add_task(Text(title[:40]).markup, total=total, completed=done)
        yield lambda: shown.advance(task)
