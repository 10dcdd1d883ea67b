"""Fills Jinja2 templates, which lay out pages and files. A template lies beside the module that fills it.

A prompt is never such a template: see `template.py`. Why Jinja2: docs/decisions/0021-templates.md.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

from gpo.formatting import printable

if TYPE_CHECKING:
    from jinja2 import Environment


class Templates:
    """The templates of one package. Jinja2 is imported when the first is filled, as it takes a tenth of a second.

    A template named `*.html.j2` escapes every value, whatever it holds; `| safe` marks what is HTML already. In every
    template, characters that no page may hold are replaced. `filters` are functions that templates may use by name.
    """

    def __init__(self, package: str, filters: Mapping[str, Callable[..., Any]]) -> None:
        self._package = package
        self._filters = filters

    def fill(self, name: str, /, **values: Any) -> str:
        """The text of a template with its values.

        Raises:
            jinja2.TemplateError: the template is wrong, or uses a value that was not given.
            FileNotFoundError: the package has no such file.
        """
        return self._environment.get_template(name).render(values)

    def read(self, name: str) -> str:
        """A file that lies beside the templates, as it is.

        Raises:
            FileNotFoundError: the package has no such file.
        """
        return resources.files(self._package).joinpath(name).read_text("utf-8")

    @cached_property
    def _environment(self) -> "Environment":
        from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - see above

        environment = Environment(
            loader=FunctionLoader(self.read),
            autoescape=select_autoescape(("html.j2",)),
            finalize=_make_printable,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters.update(self._filters)
        return environment


def _make_printable(value: Any) -> Any:
    """A text that is still to be escaped, without unprintable characters; anything else as it is."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
