"""Templates of talk and report, filled with figures and plots; what was not measured is a gap."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.plots import PLOTS

# Folder of the drawings that talk and report share.
SHARED = "drawings"
# In place of a plot: its name, and why it is missing.
NO_PLOT = Markup('<figure id="{}" class="missing"><p>{}</p></figure>')
GAP = {Language.en: "not measured", Language.pt: "não medido"}
MET = {Language.en: "met", Language.pt: "cumprida"}
MISSED = {Language.en: "missed by {}", Language.pt: "passou em {}"}
NO_MACHINE = {Language.en: "No measurement yet.", Language.pt: "Ainda sem medição."}
CORES = {Language.en: "cores", Language.pt: "núcleos"}


class Renderer:
    """Fills templates in one language with the figures of a set of records."""

    def __init__(self, figures: Figures, language: Language) -> None:
        """Take the figures of the records."""
        self.language = language
        self.gaps: dict[str, str] = {}
        """The figures and plots that are missing, with the reason."""
        self._figures = figures

    def page(self, folder: str, **values: Any) -> str:
        """Return the page of the template for the language in a folder of this package.

        Args:
            folder: of the templates: deck or paper.
            values: what the template shows besides figures.

        """
        self.gaps.clear()
        with as_file(files("spaf.report")) as templates:
            environment = Environment(
                loader=FileSystemLoader([templates / folder, templates / SHARED]),
                autoescape=True,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
            )
            environment.globals |= {
                "figure": self.figure,
                "plot": self.plot,
                "goal": self.goal,
                "missing": self.missing,
                "machine": self.machine,
            }
            return environment.get_template(f"{self.language}.html.j2").render(values)

    def figure(self, name: str) -> Markup:
        """Return a figure, or a mark with the reason why it is missing."""
        gap = Markup('<span class="gap" title="{}">{}</span>')
        return self._or_gap(
            name,
            lambda: Markup.escape(self._figures.figure(name).text(self.language)),
            lambda reason: gap.format(reason, GAP[self.language]),
        )

    def plot(self, name: str, caption: str) -> Markup:
        """Return a plot with its caption, or the reason why there is none."""
        drawn = Markup('<figure id="{}">{}<figcaption>{}</figcaption></figure>')
        return self._or_gap(
            name,
            # The plot is made here: no text of a user is in it that is not escaped.
            lambda: drawn.format(name, Markup(PLOTS[name](self._figures, self.language)), caption),  # noqa: S704
            lambda reason: NO_PLOT.format(name, reason),
        )

    def missing(self, name: str, scenario: str) -> Markup:
        """Return the place of a plot that no record can give yet."""
        self.gaps[name] = f"There is no result of `{scenario}`."
        return NO_PLOT.format(name, self.gaps[name])

    def goal(self, name: str, limit: float) -> Markup:
        """Return whether a figure reaches its goal, which is at most the limit in its unit."""

        def reached() -> Markup:
            figure = self._figures.figure(name)
            if figure.value <= limit:
                return Markup.escape(MET[self.language])
            over = figure._replace(value=figure.value - limit).text(self.language)
            return Markup("<strong>{}</strong>").format(MISSED[self.language].format(over))

        return self._or_gap(name, reached, lambda _: Markup("?"))

    def machine(self) -> str:
        """Return on which machine the measurements were made."""
        for stored in self._figures.stored.values():
            machine = stored.record.machine
            cores = f"{machine['cores']} {CORES[self.language]}"
            return f"{machine['cpu']}, {cores}, {machine['memory_gib']:g} GiB, {machine['system']}"
        return NO_MACHINE[self.language]

    def _or_gap(
        self, name: str, content: Callable[[], Markup], gap: Callable[[str], Markup]
    ) -> Markup:
        try:
            return content()
        except FigureError as error:
            self.gaps[name] = error.what
            return gap(error.what)
