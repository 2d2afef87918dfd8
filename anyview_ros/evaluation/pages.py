"""Pages made of the package's templates."""

from __future__ import annotations

from types import ModuleType
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
    jinja2 = page_engine()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=jinja2.select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page: str = environment.get_template(template).render(**values)
    return page


def page_engine() -> ModuleType:
    """Return Jinja2; call it before long work that ends in a page.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingDependencyError(
            "reports need Jinja2; run `pip install 'anyview_ros[report]'`"
        ) from error
    return jinja2
