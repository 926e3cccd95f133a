"""Pages from Jinja templates: one HTML file with everything in it."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined


def render_page(package: str, template: str, **values: Any) -> str:
    """Render a template of a package; whatever is not `markupsafe.Markup` is escaped.

    Parameters
    ----------
    package : str
        Has the template in its folder ``templates``. The template extends ``report/page.html`` and
        may import the macro of ``report/table.html``.
    values
        What the template shows, and the functions that it formats with.
    """
    report = PrefixLoader({"report": PackageLoader("petafit.report")})
    environment = Environment(
        loader=ChoiceLoader([report, PackageLoader(package)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)
