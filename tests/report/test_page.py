import re
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from petafit.report.page import render_page

TEMPLATE = """{% extends "report/page.html" %}
{% from "report/table.html" import table %}
{% block title %}{{ title }}{% endblock %}
{% block content %}
{{ plot }}
{% call table(title, ["name", "#rows"]) %}
<tr><td>{{ twice(title) }}</td><td class="number">7</td></tr>
{% endcall %}
{% endblock %}
"""


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    templates = tmp_path / "a_package_of_pages" / "templates"
    templates.mkdir(parents=True)
    (templates.parent / "__init__.py").touch()
    (templates / "mine.html").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(tmp_path)

    def render(**values: object) -> str:
        return render_page("a_package_of_pages", "mine.html", twice=lambda t: t * 2, **values)

    yield render
    sys.modules.pop("a_package_of_pages", None)


def test_values_are_escaped_unless_they_are_markup(render):
    page = render(title="<script>'&\"", plot=Markup("<svg></svg>"))
    assert "<svg></svg>" in page
    assert "<script" not in page
    escaped = "&lt;script&gt;&#39;&amp;&#34;"
    assert f"<title>{escaped}</title>" in page
    assert f"<td>{escaped * 2}</td>" in page
    assert f'aria-label="{escaped}"' in page
    assert "<em>" not in render(title="t", plot="<em>")


def test_columns_of_numbers_are_marked(render):
    page = render(title="t", plot="")
    assert '<th scope="col">name</th>' in page
    assert '<th scope="col" class="number">rows</th>' in page


def test_a_value_that_is_missing_is_an_error(render):
    with pytest.raises(UndefinedError, match="'plot' is undefined"):
        render(title="t")


def test_the_page_has_all_it_needs_and_may_load_nothing(render):
    page = render(title="t", plot="")
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"<script|<link|<img|https?:|@import|url\(", page)


def test_petafit_is_imported_without_matplotlib_and_jinja():
    """It is an extra: workers do not have it."""
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['jinja2'] = None\n"
        "import petafit, petafit.cli\n"
        "assert all(getattr(petafit, name) for name in petafit.__all__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
