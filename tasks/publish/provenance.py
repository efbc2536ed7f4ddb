"""A provenance statement: which inputs and which code gave which files.

Source: in-toto Statement v1 (https://in-toto.io/Statement/v1) with a SLSA provenance v1 predicate
(https://slsa.dev/provenance/v1), in a DSSE envelope (https://github.com/secure-systems-lab/dsse).
"""

from __future__ import annotations

import base64
from typing import Any, Protocol

from schemas.manifest import Manifest
from tasks.publish import layout
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_BUILD_TYPE = "urn:thoughttrace:release:1"


class Signer(Protocol):
    """Signs manifests; see `tasks.publish.signing`."""

    @property
    def key_id(self) -> str:
        """Id of the key, in the name of the signature file."""
        ...

    def sign(self, data: bytes, comment: str) -> bytes:
        """Return the signature file for these bytes."""
        ...

    def sign_raw(self, data: bytes) -> bytes:
        """Return the bare signature of these bytes."""
        ...


def write_provenance(store: Store, manifest: Manifest, manifest_sha256: str, signer: Signer | None) -> None:
    """Write the statement beside the signatures; without a signer its envelope carries none."""
    payload = canonical_json(describe_provenance(manifest, manifest_sha256))
    store.put(layout.provenance(manifest_sha256), canonical_json(_envelope(payload, signer)))


def describe_provenance(manifest: Manifest, manifest_sha256: str) -> dict[str, Any]:
    """Return the statement about one release."""
    info = manifest.info
    subjects = [{"name": layout.manifest(manifest.version), "digest": {"sha256": manifest_sha256}}]
    subjects.extend({"name": f.path, "digest": {"sha256": f.sha256}} for f in manifest.data_files())
    subjects.extend({"name": f.path, "digest": {"sha256": f.sha256}} for f in manifest.side_files)
    dependencies: list[dict[str, Any]] = [
        {"name": f.name, "digest": {"sha256": f.sha256}} for f in info.inputs
    ]
    if info.code.commit:
        dependencies.append({"name": "code", "digest": {"gitCommit": info.code.commit}})
    if info.code.lock_sha256:
        dependencies.append({"name": "lock file", "digest": {"sha256": info.code.lock_sha256}})
    if manifest.parent is not None:
        digest = {"sha256": manifest.parent.manifest_sha256}
        dependencies.append({"name": layout.manifest(manifest.parent.version), "digest": digest})
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "version": manifest.version,
                    "policy": info.policy,
                    "config_sha256": info.config_sha256,
                },
                "internalParameters": {
                    "taxonomies": {k: v.model_dump() for k, v in info.taxonomies.items()},
                    "models": [m.model_dump() for m in info.models],
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": f"thoughttrace/{info.code.version or 'unknown'}"},
                "metadata": {"invocationId": manifest.publish_id, "finishedOn": manifest.created_at},
            },
        },
    }


def pre_authentication(payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature covers."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _envelope(payload: bytes, signer: Signer | None) -> dict[str, Any]:
    signatures: list[dict[str, str]] = []
    if signer is not None:
        signature = signer.sign_raw(pre_authentication(payload))
        signatures.append({"keyid": signer.key_id, "sig": base64.b64encode(signature).decode()})
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": signatures,
    }
