"""Every figure of a release: what it shows, in words, as a table and drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tasks.report.drawing import Drawing, for_file, to_png, without_validation
from tasks.report.inputs import ReportInputs

WIDE = 760
SMALL = 380
NARROW = 340


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: file name without ending, and anchor on the page.
        section: id of the page's section that shows it.
        title: what it shows.
        finding: the one sentence to take away, with numbers.
        base: what the shares are shares of, and how to read the marks.
        legend: pairs of palette colour and text.
        columns: head of the data table.
        rows: data table, already formatted.
        draw: draws at a width in px; None where there is nothing to draw.
        is_small: half a row wide, so that one drawing serves every screen.
        is_on_page: whether the page shows it; if not, it is a file only.
        drawn: drawings made so far by width: page and files share them.
    """

    name: str
    section: str
    title: str
    finding: str
    base: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()
    draw: Callable[[int], Drawing] | None = None
    is_small: bool = False
    is_on_page: bool = True
    drawn: dict[int, Drawing] = field(default_factory=dict, compare=False, repr=False)

    def draw_at(self, width: int) -> Drawing:
        """Draw at a width in px; the figure must have something to draw."""
        if self.draw is None:
            raise ValueError(f"figure {self.name} has nothing to draw")
        if width not in self.drawn:
            with without_validation():
                self.drawn[width] = self.draw(width)
        return self.drawn[width]


def empty_figure(name: str, section: str, title: str, words: str) -> Figure:
    """Return the figure that says in words why there is nothing to draw."""
    return Figure(name, section, title, words, "", (), (), is_small=True)


def list_figures(inputs: ReportInputs) -> tuple[Figure, ...]:
    """Return all figures of a release in the order of the page."""
    from tasks.report.figures_conversations import conversation_figures, thoughts_per_message
    from tasks.report.figures_domains import domain_figures
    from tasks.report.figures_labels import label_figures
    from tasks.report.figures_participants import participant_figures
    from tasks.report.readings import read_stats

    readings = read_stats(inputs)
    return (
        *conversation_figures(readings),
        *label_figures(readings),
        *domain_figures(readings),
        thoughts_per_message(readings),
        *participant_figures(readings),
    )


def render_figures(inputs: ReportInputs, figures: Sequence[Figure] | None = None) -> dict[str, bytes]:
    """Return the files under `figures/`: one SVG and one PNG a figure that has something to draw.

    Args:
        inputs: numbers of the release.
        figures: its figures, where they are at hand; what was drawn of them is not drawn again.
    """
    files: dict[str, bytes] = {}
    for figure in list_figures(inputs) if figures is None else figures:
        if figure.draw is None:
            continue
        svg = for_file(
            figure.draw_at(SMALL if figure.is_small else WIDE),
            title=figure.title,
            subtitle=_subtitle(figure),
            legend=figure.legend,
            source=f"{inputs.settings.title} {inputs.version} · {inputs.settings.license}",
        )
        files[f"figures/{figure.name}.svg"] = svg.encode()
        files[f"figures/{figure.name}.png"] = to_png(svg)
    return files


def _subtitle(figure: Figure) -> Sequence[str]:
    return [text for text in (figure.finding, figure.base) if text]
