"""The Croissant description (JSON-LD): files with digests, and every column of every flat table.

Source: MLCommons Croissant 1.0 and Croissant RAI 1.0 (https://docs.mlcommons.org/croissant/).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tasks.report.citation import authors_of, bibtex
from tasks.report.inputs import ReportInputs
from tasks.report.layout import Column, ReleaseTable, list_columns
from tasks.report.licences import licence_url

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "string": "sc:Text",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
    "timestamp": "sc:DateTime",
    "date": "sc:Date",
    "list<string>": "sc:Text",
}


def write_croissant(inputs: ReportInputs, tables: Sequence[ReleaseTable], description: str) -> bytes:
    """Return `croissant.json`.

    The nested table is listed as files only: record sets of lists of objects are not readable by
    `mlcroissant`, and its columns are those of the flat tables. For the same reason record sets carry no
    `references`; the keys stand in the data dictionary.

    Args:
        inputs: version, settings and counts.
        tables: tables with their files.
        description: one paragraph, as in the card.
    """
    settings = inputs.settings
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": settings.title,
        "description": description,
        "license": licence_url(settings.license),
        "url": settings.url or "https://arxiv.org/abs/2605.20087",
        "version": inputs.version.removeprefix("v"),
        **({"datePublished": f"{inputs.created_at:%Y-%m-%d}"} if inputs.created_at else {}),
        "inLanguage": "en",
        "isLiveDataset": False,
        "creator": [{"@type": "sc:Organization", "name": name} for name in authors_of(inputs)],
        "citeAs": bibtex(inputs),
        "keywords": ["human-AI conversation", "user thoughts", "alignment", "dialogue"],
        "rai:dataCollection": (
            "Participants of a study talked with chatbots about their own tasks and wrote down why they sent a "
            "message (reasons) and how they took an answer (reactions)."
        ),
        "rai:dataCollectionType": "Surveys and software data collection",
        "rai:personalSensitiveInformation": (
            "Direct identifiers were replaced by placeholders, attributes generalised; privacy.json holds the "
            "measured figures. Attempts to identify participants are forbidden."
        ),
        "rai:dataAnnotationProtocol": (
            "Labels are decided by models unless a person decided; the table labels names the source of each."
        ),
        "rai:dataUseCases": "Research on user intent, satisfaction and dialogue; not profiling of persons.",
        "rai:dataBiases": "Paid participants of one study, mostly English; not a sample of all chatbot users.",
        "rai:dataReleaseMaintenancePlan": (
            "Versioned releases with a machine-readable changelog; withdrawals are honoured in the next version."
        ),
        "distribution": [entry for table in tables for entry in _distribution(table)],
        "recordSet": [_record_set(table) for table in tables if table.view is not None and table.files],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _distribution(table: ReleaseTable) -> list[dict[str, Any]]:
    if not table.files:
        return []
    objects = [
        {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "contentUrl": file.path,
            "contentSize": f"{file.n_bytes} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file.sha256,
        }
        for file in table.files
    ]
    return [
        *objects,
        {
            "@type": "cr:FileSet",
            "@id": f"{table.name}-files",
            "name": f"{table.name}-files",
            "description": table.description,
            "containedIn": [{"@id": file.path} for file in table.files],
            "encodingFormat": "application/x-parquet",
            "includes": f"{table.name}/*.parquet",
        },
    ]


def _record_set(table: ReleaseTable) -> dict[str, Any]:
    keys = table.view.primary_key if table.view else ()
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.description,
        "key": [{"@id": f"{table.name}/{key}"} for key in keys],
        "field": [_field(table.name, column) for column in list_columns(table)],
    }


def _field(table: str, column: Column) -> dict[str, Any]:
    field = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.path}",
        "name": column.path,
        "description": column.description,
        "dataType": _TYPES[column.dtype],
        "source": {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": column.path}},
    }
    return {**field, "repeated": True} if column.dtype.startswith("list") else field
