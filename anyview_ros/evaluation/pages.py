"""Pages made of the package's templates."""

from __future__ import annotations

from typing import Any

from anyview_ros.errors import MissingDependencyError


def render_page(template: str, *, package: str = "anyview_ros.evaluation", **values: Any) -> str:
    """Fill a template; values are escaped.

    Args:
        template: name of the file.
        package: in whose folder ``templates`` it lies.
        values: by their names in the template.

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
        loader=PackageLoader(package),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
