"""A progress bar with the remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyview_ros.errors import MissingDependencyError


@contextmanager
def progress_bar(total: float, unit: str) -> Iterator[Callable[[float, str], None]]:
    """Show how much of ``total`` is done; call what it gives with the amount done and what is being done.

    What is logged meanwhile gets a line of its own above the bar.

    Raises:
        MissingDependencyError: tqdm is not installed.
    """
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
        from tqdm.contrib.logging import logging_redirect_tqdm  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError("progress is shown by tqdm; run `pip install tqdm`") from error

    shown = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} " + unit + " [{elapsed}<{remaining}] {desc}"
    with logging_redirect_tqdm(), tqdm(total=total, dynamic_ncols=True, bar_format=shown) as bar:

        def report(done: float, what: str) -> None:
            bar.set_description_str(what, refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

        yield report
