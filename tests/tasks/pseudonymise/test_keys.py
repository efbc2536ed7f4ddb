"""The master key: where it comes from, what is refused, what is derived."""

import pytest

from schemas.errors import KeyMissingError
from tasks.pseudonymise.keys import derive_keys, keyed_digest, load_master_key, seal_root

KEY = b"a throwaway key of the tests, 0123456789"
OTHER = b"another throwaway key, also long enough!"


def test_key_from_the_environment_or_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    assert load_master_key({"THOUGHTTRACE_ID_KEY": KEY.decode()}) == KEY
    assert load_master_key({"THOUGHTTRACE_ID_KEY_FILE": str(path)}) == KEY


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "no id key"),
        ({"THOUGHTTRACE_ID_KEY": "short"}, "has 5 bytes"),
        ({"THOUGHTTRACE_ID_KEY": KEY.decode(), "THOUGHTTRACE_ID_KEY_FILE": "/x"}, "unset one"),
        ({"THOUGHTTRACE_ID_KEY_FILE": "/no/such/file"}, "cannot read"),
    ],
)
def test_a_missing_or_weak_key_is_refused(environment, message):
    with pytest.raises(KeyMissingError, match=message) as caught:
        load_master_key(environment)
    assert caught.value.exit_code == 2
    assert KEY.decode() not in str(caught.value)


def test_subkeys_are_separate_stable_and_never_shown():
    keys = derive_keys(KEY)
    secrets = {keys.root, keys.ids, keys.splits, keys.audit, keys.memo}
    assert len(secrets) == 5
    assert keys == derive_keys(KEY)
    assert not secrets & {derive_keys(OTHER).ids, derive_keys(OTHER).root}
    assert "root" not in repr(keys)
    # pins the derivation: a change here renumbers every registry in the field
    assert keys.fingerprint == "c0bbe22725b996f5"
    assert keyed_digest(keys.ids, "session:5f") == "7f4de7f26e9bbc0c0ad83c8a71fb100d19d83c33"


def test_a_sealed_root_opens_with_its_key_only():
    root = derive_keys(KEY).root
    sealed = seal_root(root, OTHER)
    assert root not in sealed
    assert derive_keys(OTHER, sealed).ids == derive_keys(KEY).ids
    assert derive_keys(OTHER, sealed).fingerprint == derive_keys(OTHER).fingerprint
    with pytest.raises(KeyMissingError, match="rotated"):
        derive_keys(KEY, sealed)
