"""The dataset card: `README.md` with the YAML that the HF hub and `datasets` read.

The YAML is load-bearing: without it the folders of a release are mixed into one table, and a wrong row
count or column makes loading fail. It is therefore written from the definitions and the files.
Source: https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from tasks.report.inputs import ReportInputs
from tasks.report.layout import ReleaseTable
from tasks.report.prose import describe, tell
from tasks.report.readings import read_stats
from tasks.report.templates import markdown_template

__all__ = ["describe", "front_matter", "write_card"]

_DTYPES = {
    pa.string(): "string",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float64(): "float64",
    pa.bool_(): "bool",
    pa.date32(): "date32",
    pa.timestamp("us", tz="UTC"): "timestamp[us, tz=UTC]",
}
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def write_card(inputs: ReportInputs, tables: Sequence[ReleaseTable]) -> bytes:
    """Return `README.md`.

    Args:
        inputs: numbers and settings.
        tables: tables with their files, the default config first.
    """
    header = yaml.safe_dump(front_matter(inputs, tables), sort_keys=False, allow_unicode=True, width=100)
    default = next((table.name for table in tables if table.is_default), "")
    body = markdown_template("card.md.j2").render(**tell(inputs), tables=tables, default_config=default)
    return f"---\n{header}---\n\n{body}".encode()


def front_matter(inputs: ReportInputs, tables: Sequence[ReleaseTable]) -> dict[str, Any]:
    """Return the YAML part as a dictionary.

    Tables without rows get no config: `datasets` cannot load them (streaming apart).
    """
    stats = read_stats(inputs).stats
    languages = [row.language for row in stats.languages if row.language != "und"]
    present = [table for table in tables if table.n_rows]
    return {
        "pretty_name": inputs.settings.title,
        "license": inputs.settings.license,
        "language": languages or ["en"],
        "multilinguality": ["multilingual" if len(languages) > 1 else "monolingual"],
        "annotations_creators": ["machine-generated", "crowdsourced"],
        "language_creators": ["crowdsourced", "machine-generated"],
        "source_datasets": ["original"],
        "task_categories": ["text-generation", "text-classification"],
        "tags": ["human-ai-interaction", "conversations", "user-thoughts", "alignment", "croissant"],
        "size_categories": [_size_category(stats.counts.conversations)],
        "version": inputs.version,
        "configs": [
            {
                "config_name": table.name,
                "data_files": [{"split": "train", "path": f"{table.name}/*.parquet"}],
                **({"default": True} if table.is_default else {}),
            }
            for table in present
        ],
        "dataset_info": [
            {
                "config_name": table.name,
                "features": [{"name": f.name, **_feature(f.type)} for f in table.schema],
                "splits": [{"name": "train", "num_bytes": table.n_bytes, "num_examples": table.n_rows}],
                "download_size": table.n_bytes,
                "dataset_size": table.n_bytes,
            }
            for table in present
        ],
    }


def _size_category(n: int) -> str:
    return next((name for limit, name in _SIZES if n < limit), "10M<n<100M")


def _feature(dtype: pa.DataType) -> Mapping[str, Any]:
    if pa.types.is_list(dtype):
        inner = dtype.value_type
        if pa.types.is_struct(inner):
            return {"list": [{"name": f.name, **_feature(f.type)} for f in inner]}
        return {"list": _DTYPES[inner]}
    return {"dtype": _DTYPES[dtype]}
