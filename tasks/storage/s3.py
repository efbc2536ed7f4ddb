"""The store in an S3 bucket, over s3fs: one request a call, judged by its status code.

Why not s3fs's own file interface: its listings are cached for ever, a misspelt condition is dropped in
silence, an exception inside `open(..., "wb")` publishes half a file, and the same lost race is another
exception class on every server. Here every call is one S3 request.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import base64
import hashlib
import io
import random
import time
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from schemas.errors import (
    ConflictError,
    NotFoundError,
    StoreUnavailableError,
    UsageError,
    VerificationError,
)
from tasks.storage.s3_connection import connect
from tasks.storage.s3_errors import status_code, translate_s3_error
from tasks.storage.s3_reading import read_again
from tasks.storage.s3_versions import list_versions
from tasks.storage.store import ObjectInfo, check_key, check_prefix

_SINGLE_PUT_BYTES = 96 << 20
"""Up to here an object is one request with its digest, which the server checks; above, it is sent in parts."""
_PART_BYTES = 64 << 20
_CONFLICT_RETRIES = 5


class S3Store:
    """A store under `s3://bucket/prefix`. Not fork-safe: open it inside the process that uses it."""

    is_local = False

    def __init__(self, uri: str, _fs: Any = None) -> None:
        """Open the bucket; nothing is sent yet.

        Raises:
            UsageError: no bucket in the address.
        """
        bucket, _, prefix = uri.removeprefix("s3://").strip("/").partition("/")
        if not bucket:
            raise UsageError(f"no bucket in {uri!r}; use s3://bucket/prefix")
        self._bucket = bucket
        self._prefix = f"{check_key(prefix)}/" if prefix else ""
        self._fs: Any = _fs or connect()
        self._has_bucket = False

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def create(self, key: str, data: bytes) -> str:
        """See `Store.create`."""
        return self._put(key, data, {"IfNoneMatch": "*"})

    def put(self, key: str, data: bytes, sha256: str | None = None) -> str:
        """See `Store.put`."""
        return self._put(key, data, {}, sha256)

    def swap(self, key: str, data: bytes, etag: str | None) -> str:
        """See `Store.swap`."""
        return self._put(key, data, {"IfMatch": etag} if etag else {"IfNoneMatch": "*"})

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """See `Store.get_with_etag`."""
        from fsspec.asyn import sync

        def read() -> tuple[bytes, str]:
            answer = self._call("get_object", key, Key=self._full(key))
            return cast("bytes", sync(self._fs.loop, answer["Body"].read)), answer["ETag"]

        return read_again(read, self.uri, key)

    def head(self, key: str) -> ObjectInfo | None:
        """See `Store.head`."""
        try:
            answer = self._call("head_object", key, Key=self._full(key), ChecksumMode="ENABLED")
        except NotFoundError:
            self._require_bucket()
            return None
        digest = _plain_digest(answer.get("ChecksumSHA256", ""))
        return ObjectInfo(key, answer["ContentLength"], answer["ETag"], answer["LastModified"], digest)

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """See `Store.list`."""
        found: list[ObjectInfo] = []
        page: dict[str, str] = {}
        while True:
            answer = self._call("list_objects_v2", prefix, Prefix=self._prefix + check_prefix(prefix), **page)
            found.extend(
                ObjectInfo(item["Key"][len(self._prefix) :], item["Size"], item["ETag"], item["LastModified"])
                for item in answer.get("Contents", [])
                if not item["Key"].endswith("/")  # folder markers of graphical tools
            )
            if not answer.get("IsTruncated"):
                return sorted(found, key=lambda info: info.key)
            page = {"ContinuationToken": answer["NextContinuationToken"]}

    def put_file(self, key: str, path: Path, sha256: str | None = None) -> None:
        """See `Store.put_file`."""
        if path.stat().st_size <= _SINGLE_PUT_BYTES:
            self._put(key, io.BytesIO(path.read_bytes()), {}, sha256)
            return
        if sha256 is not None:
            with path.open("rb") as file:
                _check_digest(key, hashlib.file_digest(file, "sha256").hexdigest(), sha256)
        try:
            self._fs.put_file(str(path), f"{self._bucket}/{self._full(key)}", chunksize=_PART_BYTES)
        except Exception as error:
            raise translate_s3_error(error, self.uri, "write", key) from error

    def get_file(self, key: str, path: Path) -> None:
        """See `Store.get_file`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temp = path.with_name(f".tmp-{uuid.uuid4().hex}")
        try:
            address = f"{self._bucket}/{self._full(key)}"
            read_again(lambda: self._fs.get_file(address, str(temp)), self.uri, key)
            temp.replace(path)
        finally:
            temp.unlink(missing_ok=True)

    def copy(self, src: str, dst: str) -> None:
        """See `Store.copy`: by the server, no bytes pass through here."""
        self.copy_from(self, src, dst)

    def copy_from(self, source: S3Store, src: str, dst: str) -> str:
        """Let the server copy an object from another bucket or prefix that it holds.

        Returns:
            The digest of the copy as the server has computed it; empty where it computes none.
        """
        answer = self._call(
            "copy_object",
            dst,
            Key=self._full(dst),
            CopySource={"Bucket": source._bucket, "Key": source._full(src)},
            ChecksumAlgorithm="SHA256",
        )
        return _plain_digest(answer.get("CopyObjectResult", {}).get("ChecksumSHA256", ""))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._call("delete_object", key, Key=self._full(key))

    def purge(self, key: str) -> int:
        """See `Store.purge`: in a versioned bucket a plain delete leaves the old version readable."""
        versions = [v for v in list_versions(self._call, self._full(key)) if v["Key"] == self._full(key)]
        for item in versions:
            self._call("delete_object", key, Key=self._full(key), VersionId=item["VersionId"])
        if not versions and self.head(key) is not None:
            self.delete(key)
            return 1
        return len(versions)

    def purge_history(self, prefix: str = "", keep: Sequence[str] = ()) -> int:
        """See `Store.purge_history`: versions that were overwritten or deleted, and the marks of deletion."""
        found = list(list_versions(self._call, self._prefix + check_prefix(prefix)))
        kept = tuple(self._prefix + check_prefix(k) for k in keep)
        old = [v for v in found if (v["is_marker"] or not v["IsLatest"]) and not v["Key"].startswith(kept)]
        for item in old:
            self._call("delete_object", "", Key=item["Key"], VersionId=item["VersionId"])
        return len(old)

    def sweep(self, before: datetime) -> int:
        """See `Store.sweep`: uploads in parts that nobody will complete."""
        try:
            answer = self._call("list_multipart_uploads", "", Prefix=self._prefix)
        except Exception as error:
            if status_code(error.__cause__ or error) in {400, 404, 405, 501}:
                return 0
            raise
        stale = [u for u in answer.get("Uploads") or [] if u["Initiated"] < before]
        for upload in stale:
            self._call("abort_multipart_upload", "", Key=upload["Key"], UploadId=upload["UploadId"])
        return len(stale)

    def child(self, prefix: str) -> S3Store:
        """See `Store.child`."""
        return S3Store(f"{self.uri}/{check_key(prefix.strip('/'))}", self._fs)

    def _require_bucket(self) -> None:
        """Raise if there is no bucket: the answer to a HEAD has no body that could say so."""
        if self._has_bucket:
            return
        try:
            # a reader may list releases, not the whole folder: deployments/iam/reader.json
            self._call("list_objects_v2", "", Prefix=f"{self._prefix}releases/", MaxKeys=1)
        except StoreUnavailableError as error:
            if status_code(error.__cause__) == 404:
                raise
        self._has_bucket = True

    def _full(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _put(
        self, key: str, data: bytes | io.BytesIO, condition: dict[str, str], sha256: str | None = None
    ) -> str:
        # a buffer that nobody else holds is sent as it is; bytes would be copied once more
        body = io.BytesIO(data) if isinstance(data, bytes) else data
        with body.getbuffer() as view:
            digest = hashlib.sha256(view)
        if sha256 is not None:
            _check_digest(key, digest.hexdigest(), sha256)
        checksum = base64.b64encode(digest.digest()).decode()
        for attempt in range(_CONFLICT_RETRIES + 1):
            body.seek(0)
            try:
                answer = self._call(
                    "put_object", key, Key=self._full(key), Body=body, ChecksumSHA256=checksum, **condition
                )
                return answer["ETag"]
            except Exception as error:
                status = status_code(error.__cause__ or error)
                if status == 412 or (status == 404 and "IfMatch" in condition):
                    what = "exists already" if "IfNoneMatch" in condition else "was changed by somebody else"
                    raise ConflictError(f"{key} {what}") from error
                # AWS: two conditional writes met; neither won yet
                if status != 409 or attempt == _CONFLICT_RETRIES:
                    raise
                time.sleep(random.random() * 0.3)
        raise AssertionError("unreachable")

    def _call(self, method: str, key: str, /, **arguments: Any) -> Any:
        try:
            return self._fs.call_s3(method, Bucket=self._bucket, **arguments)
        except Exception as error:
            raise translate_s3_error(error, self.uri, method.partition("_")[0], key) from error


def _check_digest(key: str, found: str, expected: str) -> None:
    if found != expected:
        raise VerificationError(f"{key}: the bytes to write do not have the digest {expected[:12]}…")


def _plain_digest(checksum: str) -> str:
    """Return a checksum of S3 as hex; empty for the composite one of an upload in parts, which ends in -N."""
    return "" if "-" in checksum else base64.b64decode(checksum).hex()
