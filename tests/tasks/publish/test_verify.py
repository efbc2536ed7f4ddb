"""Whatever is done to a published release is found and named."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from schemas.fields import TABLES
from schemas.manifest import Manifest
from tasks.publish import layout
from tasks.publish.releases import read_manifest
from tasks.publish.signing import MinisignVerifier, generate_signer, load_verifier
from tasks.publish.verify import verify_release
from tasks.storage.parquet import encode_table
from tasks.storage.store import Store, open_store
from tasks.storage.tables import canonical_json
from tests.publishing import publish, release, stage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0")
    return store


def first_problem(store: Store, version: str = "v1.0.0") -> str:
    problem = verify_release(store, version).problems[0]
    return f"{problem.path} {problem.what}"


def shard_of(store: Store, table: str, version: str = "v1.0.0") -> str:
    return read_manifest(store, version)[0].tables[table].files[-1].path


def rewrite_manifest(store: Store, change) -> None:
    manifest = json.loads(store.get(layout.manifest("v1.0.0")))
    change(manifest)
    store.put(layout.manifest("v1.0.0"), canonical_json(Manifest.model_validate(manifest).model_dump()))
    store.delete(layout.LATEST)


def test_a_good_release_is_sound(store: Store) -> None:
    report = verify_release(store, "v1.0.0")
    assert report.is_sound, report.problems
    assert report.notes == []
    assert report.n_files > 16


def test_a_flipped_byte(store: Store) -> None:
    for key in (
        shard_of(store, "messages"),
        "releases/v1.0.0/thoughts/part-00000.parquet",
        "releases/v1.0.0/README.md",
    ):
        good = store.get(key)
        i = len(good) // 2
        store.put(key, good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        assert first_problem(store).startswith(f"{key} was altered")
        store.put(key, good)
    assert verify_release(store, "v1.0.0").is_sound


def test_a_deleted_file(store: Store) -> None:
    for key in (
        shard_of(store, "thoughts"),
        "releases/v1.0.0/messages/part-00000.parquet",
        "releases/v1.0.0/figures/a.svg",
        "releases/v1.0.0/SHA256SUMS",
    ):
        good = store.get(key)
        store.delete(key)
        assert first_problem(store).startswith(f"{key} is missing")
        store.put(key, good)


def test_a_shard_swapped_for_another_valid_one(store: Store) -> None:
    release(store, "v1.1.0", range(9))
    store.copy(shard_of(store, "messages", "v1.1.0"), shard_of(store, "messages"))
    assert first_problem(store).startswith(f"{shard_of(store, 'messages')} was altered")


def test_a_file_too_many(store: Store) -> None:
    store.put("releases/v1.0.0/messages/part-00099.parquet", b"x")
    assert (
        first_problem(store) == "releases/v1.0.0/messages/part-00099.parquet does not belong to the release"
    )


def test_an_altered_manifest(store: Store) -> None:
    manifest = json.loads(store.get(layout.manifest("v1.0.0")))
    store.put(layout.manifest("v1.0.0"), canonical_json({**manifest, "approved_by": "somebody else"}))
    assert first_problem(store).startswith("releases/v1.0.0/manifest.json was altered")


def test_a_parent_that_was_altered(store: Store) -> None:
    release(store, "v1.1.0", range(9))
    manifest = json.loads(store.get(layout.manifest("v1.0.0")))
    store.put(layout.manifest("v1.0.0"), canonical_json({**manifest, "approved_by": "somebody else"}))
    assert first_problem(store, "v1.1.0").startswith("releases/v1.0.0/manifest.json was altered")


def test_a_manifest_under_another_version(store: Store) -> None:
    store.copy(layout.manifest("v1.0.0"), layout.manifest("v2.0.0"))
    assert first_problem(store, "v2.0.0") == "releases/v2.0.0/manifest.json says that it is v1.0.0"


def test_rows_and_keys_that_do_not_fit(store: Store) -> None:
    rewrite_manifest(store, lambda m: m["tables"]["messages"].update(n_rows=1))
    assert "the manifest says 1" in first_problem(store)

    def smuggle(manifest: dict, name: str, frame: pl.DataFrame) -> None:
        import hashlib

        data = encode_table(frame, TABLES[name])
        digest = hashlib.sha256(data).hexdigest()
        store.put(layout.shard(digest), data)
        table = manifest["tables"][name]
        file = {**table["files"][0], "sha256": digest, "path": layout.shard(digest), "n_rows": frame.height}
        table.update(n_rows=frame.height, files=[{**file, "n_bytes": len(data)}])

    messages = pl.read_parquet(store.get(shard_of(store, "messages")))
    lost = messages.with_columns(conversation_id=pl.lit("nobody"))
    rewrite_manifest(store, lambda m: smuggle(m, "messages", lost))
    assert "name a conversation_id that conversations does not hold" in first_problem(store)
    doubled = pl.concat([messages, messages.head(2)])
    rewrite_manifest(store, lambda m: smuggle(m, "messages", doubled))
    assert "4 rows share their key" in first_problem(store)


def test_signatures(store: Store, tmp_path: Path) -> None:
    signer, stranger = generate_signer(), generate_signer()
    publish(store, stage(store, "v1.1.0", range(9)), "run-s", signer=signer)
    public = tmp_path / "key.pub"
    public.write_text(signer.public_key())
    verifier = load_verifier(public)
    report = verify_release(store, "v1.1.0", verifier=verifier, require_signature=True)
    assert report.is_sound
    assert report.notes[0].startswith("signature is good: v1.1.0")
    (tmp_path / "stranger.pub").write_text(stranger.public_key())
    other: MinisignVerifier = load_verifier(tmp_path / "stranger.pub")
    assert "not signed with this key" in verify_release(store, "v1.1.0", verifier=other).problems[0].what
    assert "is not signed" in verify_release(store, "v1.0.0", require_signature=True).problems[0].what
    # a good signature of another release does not fit
    digests = [read_manifest(store, v)[1] for v in ("v1.0.0", "v1.1.0")]
    store.copy(layout.signature(digests[1], signer.key_id), layout.signature(digests[0], signer.key_id))
    assert "altered" in verify_release(store, "v1.0.0", verifier=verifier).problems[0].what


def test_a_publication_cut_short_is_sound_and_says_so(tmp_path: Path) -> None:
    class CrashError(Exception):
        pass

    def crash(step: str) -> None:
        if step == "S5":
            raise CrashError

    store = open_store(str(tmp_path / "new"))
    with pytest.raises(CrashError):
        publish(store, stage(store, "v1.0.0"), checkpoint=crash)
    report = verify_release(store, "v1.0.0")
    assert report.is_sound
    assert "cut short" in report.notes[0]
    # once a release was announced, a missing view is a broken release
    publish(store, stage(store, "v1.0.0"))
    store.delete("releases/v1.0.0/messages/part-00000.parquet")
    assert not verify_release(store, "v1.0.0").is_sound
