"""A progress bar with the remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anyview_ros.errors import MissingDependencyError

_ROUNDING = 1e-6  # parts that are added up may miss a whole by so much


@contextmanager
def progress_bar(total: int, unit: str) -> Iterator[Callable[[float, str], None]]:
    """Show how much of ``total`` is done; call what it gives with the amount done and what is being done.

    What is done in part moves the bar and the remaining time; only what is whole is counted. What is logged meanwhile
    gets a line of its own above the bar.

    Raises:
        MissingDependencyError: tqdm is not installed.
    """
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
        from tqdm.contrib.logging import logging_redirect_tqdm  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError("progress is shown by tqdm; run `pip install tqdm`") from error

    class CountsWhole(tqdm):  # type: ignore[misc]
        @property
        def format_dict(self) -> dict[str, Any]:
            return {**super().format_dict, "whole": int(self.n + _ROUNDING)}

    shown = "{percentage:3.0f}%|{bar}| {whole}/{total} " + unit + " [{elapsed}<{remaining}] {desc}"
    with logging_redirect_tqdm(), CountsWhole(total=total, dynamic_ncols=True, bar_format=shown) as bar:

        def report(done: float, what: str) -> None:
            bar.set_description_str(what, refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

        yield report
