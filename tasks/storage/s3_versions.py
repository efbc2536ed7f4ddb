"""The versions that a bucket keeps of its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tasks.storage.s3_errors import status_code


def list_versions(call: Callable[..., Any], full_prefix: str) -> Iterator[dict[str, Any]]:
    """Yield every version and every mark of deletion below a prefix; none where the server keeps none.

    Args:
        call: sends one request, as `S3Store` does.
        full_prefix: prefix inside the bucket.
    """
    page: dict[str, str] = {}
    while True:
        try:
            answer = call("list_object_versions", "", Prefix=full_prefix, **page)
        except Exception as error:
            if status_code(error.__cause__ or error) in {400, 404, 405, 501}:
                return  # the server knows no versions
            raise
        for kind in ("Versions", "DeleteMarkers"):
            for item in answer.get(kind) or []:
                yield {**item, "is_marker": kind == "DeleteMarkers"}
        if not answer.get("IsTruncated"):
            return
        page = {
            "KeyMarker": answer["NextKeyMarker"],
            "VersionIdMarker": answer.get("NextVersionIdMarker", ""),
        }
