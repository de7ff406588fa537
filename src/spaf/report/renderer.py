"""Templates of talk and report, filled with figures and plots; what was not measured is a gap."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.gaps import marked, reason
from spaf.report.language import Language, decimal, number
from spaf.report.plots import PLOTS
from spaf.report.readings.recovery import recovery_p95
from spaf.report.tables import TABLES

# Digits of the sum of the records that a document carries: enough to distinguish two sets.
SHOWN_DIGEST = 12
# Folder of the drawings that talk and report share.
SHARED = "drawings"
# In place of a plot: its name, and why it is missing.
NO_PLOT = Markup('<figure id="{}" class="missing"><p>{}</p></figure>')
GAP = {Language.en: "not measured", Language.pt: "não medido"}
INLINE_GAP = Markup('<span class="gap" title="{}">{}</span>')
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
                "table": self.table,
                "recovery": self.recovery,
                "machine": self.machine,
                "rate_label": lambda rate: number(float(rate), 0, self.language),
                "digest": self._figures.digest()[:SHOWN_DIGEST],
            }
            return environment.get_template(f"{self.language}.html.j2").render(values)

    def figure(self, name: str) -> Markup:
        """Return a figure, or a mark with the reason why it is missing."""
        return self._or_gap(
            name,
            lambda: Markup.escape(self._figures.figure(name).text(self.language)),
            self._inline_gap,
        )

    def plot(self, name: str, caption: str) -> Markup:
        """Return a plot with its caption, or the reason why there is none."""
        drawn = Markup('<figure id="{}">{}<figcaption>{}</figcaption></figure>')
        return self._or_gap(
            name,
            # The plot is made here: no text of a user is in it that is not escaped.
            lambda: drawn.format(name, Markup(PLOTS[name](self._figures, self.language)), caption),  # noqa: S704
            lambda why: NO_PLOT.format(name, marked(why)),
        )

    def table(self, name: str) -> Markup:
        """Return a table, or the reason why there is none, unless its plot has said it."""
        if name in self.gaps:
            return Markup()
        return self._or_gap(
            name,
            lambda: TABLES[name](self._figures, self.language).html(self.language),
            lambda why: NO_PLOT.format(f"{name}-table", marked(why)),
        )

    def recovery(self, kind: str, *targets: str) -> Markup:
        """Return the recovery time of a kind of fault, p95, of the slowest of some targets."""

        def slowest() -> Markup:
            p95 = max(recovery_p95(self._figures, kind, target) for target in targets)
            return Markup.escape(number(p95, 1, self.language, "s"))

        return self._or_gap(f"recovery.{kind}.{'+'.join(targets)}", slowest, self._inline_gap)

    def machine(self) -> str:
        """Return on which machine the measurements were made."""
        for stored in self._figures.stored.values():
            machine = stored.record.machine
            cores = f"{machine['cores']} {CORES[self.language]}"
            memory = f"{decimal(machine['memory_gib'], self.language)} GiB"
            return f"{machine['cpu']}, {cores}, {memory}, {machine['system']}"
        return NO_MACHINE[self.language]

    def _inline_gap(self, why: str) -> Markup:
        """Return the mark of a figure that is missing in a sentence."""
        return INLINE_GAP.format(why, GAP[self.language])

    def _or_gap(
        self, name: str, content: Callable[[], Markup], gap: Callable[[str], Markup]
    ) -> Markup:
        try:
            return content()
        except FigureError as error:
            self.gaps[name] = error.what
            return gap(reason(error, self.language))
