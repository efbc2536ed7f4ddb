"""What the page reads: the numbers of this release, those of the last one, and display names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.stats import StatsDocument
from tasks.report.inputs import LabelNode, ReportInputs


@dataclass(frozen=True, slots=True)
class Readings:
    """Typed numbers of a release.

    Attributes:
        stats: this release.
        parent: the last release; None for a first release and where its numbers have another shape.
        parent_version: version of the last release, if there is one.
        taxonomies: facet to its labels in taxonomy order.
        with_published: whether to draw the values of the paper.
    """

    stats: StatsDocument
    parent: StatsDocument | None
    parent_version: str | None
    taxonomies: Mapping[str, Sequence[LabelNode]]
    with_published: bool

    def parent_shares(self, path: str) -> Mapping[str, float]:
        """Return label to share in the last release; `path` is for instance `reasons.labels`."""
        if self.parent is None:
            return {}
        group, rows = path.split(".")
        return {
            row.value: row.share
            for row in getattr(getattr(self.parent, group), rows)
            if row.share is not None
        }


def read_stats(inputs: ReportInputs) -> Readings:
    """Read `stats.json` of this release and of its parent.

    The parent may have been written by an older schema: then nothing is compared, rather than guessed.

    Raises:
        pydantic.ValidationError: the numbers of this release have an unknown shape.
    """
    parent = None
    if inputs.parent_stats is not None:
        try:
            parent = StatsDocument.model_validate(inputs.parent_stats)
        except ValidationError:
            parent = None
    return Readings(
        stats=StatsDocument.model_validate(inputs.stats),
        parent=parent,
        parent_version=inputs.parent_version,
        taxonomies=inputs.taxonomies,
        with_published=inputs.settings.show_published,
    )
