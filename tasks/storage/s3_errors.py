"""What an S3 answer means for a person: one sentence and the exit code of its class."""

from __future__ import annotations

from schemas.errors import NotFoundError, StoreUnavailableError, ThoughttraceError

_CODES = {
    "NoSuchBucket": "the bucket does not exist; create it, or correct the address",
    "InvalidAccessKeyId": "the access key is unknown there; check AWS_ACCESS_KEY_ID or the profile",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key; check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the credentials have expired; fetch new ones and run again",
    "InvalidToken": "the session token is not valid; fetch new credentials and run again",
    "RequestTimeTooSkewed": "this machine's clock differs from the server's; set it and run again",
    "AccessDenied": "these credentials may not do that; use a key with the role that it takes: reader to load and "
    "verify, publisher to release and yank, maintainer to delete (docs/security.md)",
    "AllAccessDisabled": "access to the bucket is switched off",
    "SlowDown": "the server asks for fewer requests; run again later",
    "InsufficientStorage": "the server has no space left",
    "BadDigest": "the bytes were damaged on the way; run again",
    "XAmzContentSHA256Mismatch": "the bytes were damaged on the way; run again",
    "InvalidObjectState": "the object is archived; restore it first",
}
_BY_STATUS = {401: _CODES["AccessDenied"], 403: _CODES["AccessDenied"], 503: _CODES["SlowDown"]}


def status_code(error: BaseException | None) -> int | None:
    """Return the HTTP status that an error of botocore or s3fs carries, None where no answer came."""
    code, _ = _answer(error)
    return code


def translate_s3_error(error: Exception, uri: str, verb: str, key: str) -> ThoughttraceError:
    """Return our error for a failed request.

    Args:
        error: what botocore, aiohttp or s3fs raised.
        uri: address of the store.
        verb: what was tried, e.g. `put`.
        key: on what; empty for the bucket.
    """
    if isinstance(error, ThoughttraceError):
        return error
    status, code = _answer(error)
    where = f"{uri}/{key}".rstrip("/")
    if code != "NoSuchBucket" and (status == 404 or isinstance(error, FileNotFoundError)):
        return NotFoundError(f"not in the store: {where}")
    if status is None:
        return StoreUnavailableError(
            f"cannot {verb} {where}: no answer from the object store ({type(error).__name__}); "
            "check the endpoint (AWS_ENDPOINT_URL) and the network, then run again"
        )
    reason = _CODES.get(code) or _BY_STATUS.get(status) or f"the server answered {status} {code}".rstrip()
    return StoreUnavailableError(f"cannot {verb} {where}: {reason}")


def _answer(error: BaseException | None) -> tuple[int | None, str]:
    # s3fs wraps botocore's error, some paths twice
    for _ in range(5):
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return status, str(response.get("Error", {}).get("Code", ""))
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return None, ""
