"""Signatures are minisign's: its own program accepts ours, and refuses a changed byte."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from schemas.errors import UsageError, VerificationError
from tasks.publish import layout
from tasks.publish.provenance import pre_authentication
from tasks.publish.signing import _scrypt_parameters, generate_signer, load_signer, load_verifier, open_signer
from tasks.storage.store import open_store
from tests.publishing import publish, stage


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    signer = generate_signer()
    secret, public = tmp_path / "key.sec", tmp_path / "key.pub"
    secret.write_text(signer.secret_key())
    public.write_text(signer.public_key())
    return secret, public


def test_round_trip_and_every_kind_of_damage(keys) -> None:
    signer, verifier = load_signer(keys[0]), load_verifier(keys[1])
    assert signer.key_id == verifier.key_id
    signature = signer.sign(b"data", "v1.0.0")
    assert verifier.verify(b"data", signature) == "v1.0.0"
    for data, changed in (
        (b"datb", signature),
        (b"data", signature.replace(b"v1.0.0", b"v1.0.1")),
        (b"data", b"nonsense"),
        (b"data", generate_signer().sign(b"data", "v1.0.0")),
    ):
        with pytest.raises(VerificationError):
            verifier.verify(data, changed)


def test_a_secret_is_never_shown(keys) -> None:
    signer = load_signer(keys[0])
    assert repr(signer) == f"MinisignSigner({signer.key_id})"
    assert open_signer("", {}) is None


def test_bad_key_files(tmp_path: Path, keys) -> None:
    for content in ("", "nonsense", keys[1].read_text()):
        path = tmp_path / "bad"
        path.write_text(content)
        with pytest.raises(UsageError):
            load_signer(path)
    with pytest.raises(UsageError, match="cannot read"):
        load_verifier(tmp_path / "none")


def test_an_encrypted_key_needs_its_password(tmp_path: Path, keys) -> None:
    raw = bytearray(base64.b64decode(keys[0].read_text().splitlines()[1]))
    operations, memory, salt = 32_768, 1 << 24, bytes(range(32))
    n, r, p = _scrypt_parameters(operations, memory)
    stream = Scrypt(salt=salt, length=104, n=n, r=r, p=p).derive(b"open sesame")
    raw[2:4], raw[6:38] = b"Sc", salt
    raw[38:46], raw[46:54] = operations.to_bytes(8, "little"), memory.to_bytes(8, "little")
    raw[54:] = bytes(a ^ b for a, b in zip(raw[54:], stream, strict=True))
    path = tmp_path / "encrypted"
    path.write_text(f"untrusted comment: x\n{base64.b64encode(raw).decode()}\n")
    with pytest.raises(UsageError, match="THOUGHTTRACE_SIGNING_PASSWORD"):
        load_signer(path)
    with pytest.raises(UsageError, match="wrong password"):
        load_signer(path, "open sesam")
    opened = open_signer(str(path), {"THOUGHTTRACE_SIGNING_PASSWORD": "open sesame"})
    assert opened is not None
    assert opened.key_id == load_signer(keys[0]).key_id


def test_scrypt_parameters_are_those_of_libsodium() -> None:
    assert _scrypt_parameters(33_554_432, 1 << 30) == (1 << 20, 8, 1)
    assert _scrypt_parameters(524_288, 1 << 24) == (1 << 14, 8, 1)


def test_minisign_itself_accepts_a_release(tmp_path: Path, keys) -> None:
    program = shutil.which("minisign")
    if program is None:
        pytest.skip("minisign is not installed (Debian: apt install minisign)")
    store = open_store(str(tmp_path / "store"))
    signer = load_signer(keys[0])
    release = publish(store, stage(store, "v1.0.0", range(2)), signer=signer)
    folder = tmp_path / "store"
    signature = folder / layout.signature(release.sha256, signer.key_id)
    manifest = folder / layout.manifest("v1.0.0")
    command = [program, "-V", "-q", "-m", str(manifest), "-x", str(signature), "-p", str(keys[1])]
    assert subprocess.run(command, check=False).returncode == 0
    manifest.write_bytes(manifest.read_bytes().replace(b"tester", b"taster"))
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_the_provenance_names_every_file_and_is_signed(tmp_path: Path, keys) -> None:
    store = open_store(str(tmp_path / "store"))
    signer = load_signer(keys[0])
    release = publish(store, stage(store, "v1.0.0", range(2)), signer=signer)
    envelope = json.loads(store.get(layout.provenance(release.sha256)))
    payload = base64.b64decode(envelope["payload"])
    statement = json.loads(payload)
    named = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
    assert named[layout.manifest("v1.0.0")] == release.sha256
    files = [*release.manifest.data_files(), *release.manifest.side_files]
    assert {f.path: f.sha256 for f in files}.items() <= named.items()
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    load_verifier(keys[1])._key.verify(signature, pre_authentication(payload))
