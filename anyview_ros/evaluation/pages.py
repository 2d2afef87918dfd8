"""Pages made of the package's templates."""

from __future__ import annotations

from typing import Any

from anyview_ros.errors import MissingDependencyError


def render_page(template: str, **values: Any) -> str:
    """Fill a template of ``evaluation/templates``; values are escaped.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, select_autoescape
    except ImportError as error:
        raise MissingDependencyError(
            "reports need Jinja2; run `pip install 'anyview_ros[report]'`"
        ) from error
    environment = Environment(
        loader=PackageLoader("anyview_ros.evaluation"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
