"""The S3 client: whose key, which endpoint, how patient."""

from __future__ import annotations

import os
from typing import Any


def connect() -> Any:
    """Return the s3fs client: AWS credential chain, endpoint by environment, nothing cached.

    Without any credentials, or with `AWS_SKIP_SIGNATURE=true`, requests are anonymous.
    """
    import botocore.session
    import s3fs

    session = botocore.session.Session()
    config: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": 4},
        "connect_timeout": 5,
        "read_timeout": 60,
    }
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or session.get_scoped_config().get("endpoint_url")
    )
    # every write carries its digest in a signed header: the signature need not read the bytes again
    s3_config: dict[str, Any] = {"payload_signing_enabled": False}
    if endpoint:
        # buckets as host names need DNS that a server of one's own rarely has
        s3_config["addressing_style"] = "path"
    config["s3"] = s3_config
    anonymous = os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in {"1", "true"}
    fs: Any = s3fs.S3FileSystem(
        anon=anonymous or session.get_credentials() is None,
        endpoint_url=endpoint or None,
        use_listings_cache=False,
        skip_instance_cache=True,
        client_kwargs={"region_name": session.get_config_variable("region") or "us-east-1"},
        config_kwargs=config,
    )
    # botocore retries already; both together took 38 s to report a failing server
    fs.retries = 1
    return fs
