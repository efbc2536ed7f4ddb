"""Whatever bytes or text come in from people: a result that obeys its laws, or one of our own errors."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import strategies as st

from flows.settings import resolve_settings
from schemas.config import PrivacySettings
from schemas.documents import read_yaml
from schemas.errors import ThoughttraceError, UsageError
from schemas.taxonomies import load_taxonomies
from schemas.taxonomies.load import read_taxonomy
from tasks.gate.policy import parse_policy
from tasks.ingest.unpack import printable_name
from tasks.scrub.memo import SpanMemo
from tasks.scrub.scrubber import Scrubber
from tasks.storage.store import check_key, local_path
from tests.exports import BUILDERS, jsonl, read_bytes
from tests.fuzz.budget import any_character, try_many, vary_by

pytestmark = pytest.mark.fuzz
REPO = Path(__file__).parents[2]

PIECES = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"\n", b"\x00", b"\xff", b"\\u0000", b"\\ud800", b"1e999", b"null",
    b'"id":', b" :", b"NaN", b"\r", b"\xef\xbb\xbf", b"[" * 300, b"9" * 5_000, "ß🌿".encode(), b'{"a":1}',
    b"\x1f\x8b\x08", b"PK\x03\x04", b"\x28\xb5\x2f\xfd",
]  # fmt: skip
GOOD = {name: jsonl([build(0)]) for name, build in BUILDERS.items()}


@st.composite
def exports(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(sorted(GOOD.values())) | st.binary(max_size=120))
    for _ in range(draw(st.integers(0, 3))):
        at, gone = draw(st.integers(0, len(data))), draw(st.sampled_from([0, 0, 1, 7, 90]))
        data = data[:at] + draw(st.sampled_from(PIECES) | st.binary(max_size=4)) + data[at + gone :]
    return data


def check_export(data: bytes) -> None:
    try:
        reader = read_bytes(data).reader
    except ThoughttraceError:
        return
    for _, _, n_in, n_out, n_quarantined, n_removed in reader.funnel.rows():
        assert min(n_in, n_out, n_quarantined, n_removed) >= 0
        assert n_in == n_out + n_quarantined + n_removed


def test_exports(record_property) -> None:
    vary = vary_by(PIECES, lambda rng: rng.randbytes(2))
    try_many(27, check_export, exports(), vary, record_property)


PLANTED = [
    "Ines Vandermolen", "ines@example.org", "+49 170 1234567", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111",
    "192.168.0.12", "<PERSON_1>", "<", ">", "_", "my name is ", "12 Elm Street", "sk-abcdef0123456789abcdef", "@", ".",
    "\u200b", "\u202e", "\x00", "\ud800", "é", "e\u0301", "🙂", "我叫王小明", "1990-01-02", "/home/ines", "\n", " ",
]  # fmt: skip
WORDS = st.sampled_from(PLANTED)
TEXTS = st.lists(WORDS | st.text(max_size=6), max_size=6).map("".join)
TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXTS), min_size=1, max_size=4)
KEY = b"k" * 32


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber(PrivacySettings(review="mask"), "strict", KEY)


def test_scrubbed_conversations(scrubber: Scrubber, record_property) -> None:
    memo, n_calls = SpanMemo(KEY, scrubber.engine), 0

    def check(turns: list[tuple[str, str]]) -> None:
        nonlocal memo, n_calls
        n_calls += 1
        if n_calls % 500 == 0:
            memo = SpanMemo(KEY, scrubber.engine, memo.fresh_rows() if n_calls % 2_000 else None)
        # half a surrogate pair never comes out of JSON that was read
        turns = [(role, text.encode(errors="ignore").decode()) for role, text in turns]
        n = len(turns)
        items = pl.DataFrame({
            "item_id": [f"i{number}" for number in range(n)],
            "conversation_id": ["c"] * n,
            "field": ["content"] * n,
            "role": [role for role, _ in turns],
            "kind": ["message"] * n,
            "position": pl.Series(range(n), dtype=pl.Int32),
            "text": [text for _, text in turns],
        })  # fmt: skip
        result = scrubber.scrub(items, memo)
        assert result.texts["item_id"].to_list() == items["item_id"].to_list()
        marks = dict(
            result.audit.select("item_id", pl.struct("start", "end", "replacement"))
            .group_by("item_id")
            .all()
            .iter_rows()
        )
        for (item_id, redacted), (_, text) in zip(
            result.texts.select("item_id", "text").iter_rows(), turns, strict=True
        ):
            built, end = [], 0
            for mark in sorted(marks.get(item_id, []), key=lambda m: m["start"]):
                assert end <= mark["start"] < mark["end"] <= len(text)
                built += [text[end : mark["start"]], mark["replacement"]]
                end = mark["end"]
            # nothing outside the spans is changed, nothing inside them stays
            assert "".join([*built, text[end:]]) == redacted
        # what the memo remembers gives the same, row by row
        again = scrubber.scrub(items, memo)
        assert again.texts.equals(result.texts)
        assert again.audit.equals(result.audit)

    vary_text = vary_by(PLANTED, any_character)

    def vary(turns: list[tuple[str, str]], rng: random.Random) -> list[tuple[str, str]]:
        turns = [rng.choice(turns) for _ in range(rng.randint(1, 4))]
        at = rng.randrange(len(turns))
        turns[at] = (rng.choice(["user", "assistant"]), vary_text(turns[at][1], rng))
        return turns

    try_many(8, check, TURNS, vary, record_property)


TOKENS = [
    "v1", "topic", "2026-13-45", "9" * 5_000, "!!int x", "!!python/object/apply:os.system [x]", "&a", "*a", "<<", "~",
    "0o8", "1:99", ".inf", "'", '"', "|", ">", "- ", "? ", ": ", "{", "}", "[", "]", "[" * 400, "#", "\t", "\x85", "%",
]  # fmt: skip
SCALARS = st.sampled_from(TOKENS) | st.text(max_size=6)
VARY = vary_by(TOKENS, any_character)


@st.composite
def damaged(draw: st.DrawFn, documents: list[str]) -> str:
    text = draw(st.sampled_from(documents) | st.lists(SCALARS, max_size=8).map("".join))
    for _ in range(draw(st.integers(0, 3))):
        at, gone = draw(st.integers(0, len(text))), draw(st.sampled_from([0, 0, 1, 9, 80]))
        text = text[:at] + draw(SCALARS) + text[at + gone :]
    return text


def short_taxonomy() -> str:
    document = load_taxonomies()["reaction"].model_dump(mode="json", by_alias=True)
    document["nodes"], document["changes"] = document["nodes"][:2], []
    return yaml.safe_dump(document)


def refuses_cleanly(call) -> None:
    try:
        call()
    except ThoughttraceError as error:
        told = str(error)
    else:
        return
    assert len(told) < 4_000


def test_taxonomies(record_property) -> None:
    documents = [short_taxonomy()]
    try_many(
        11,
        lambda t: refuses_cleanly(lambda: read_taxonomy(t, "t.yaml")),
        damaged(documents),
        VARY,
        record_property,
    )


POLICY = "policy_version: 1\nchecks:\n  - {name: a, metric: n, min: 1}\ndrift: {}\n"


def test_gate_policies(record_property) -> None:
    try_many(
        12, lambda t: refuses_cleanly(lambda: parse_policy(t, "p")), damaged([POLICY]), VARY, record_property
    )


YAML = "store: x\nprivacy:\n  k: 7\n  allow: [Contoso]\ntag: {model: none}\n"
TOML = 'store = "x"\n[privacy]\nk = 7\nallow = ["Contoso"]\n[tag]\nmodel = "none"\n'


@pytest.mark.parametrize(("suffix", "document"), [("yaml", YAML), ("toml", TOML)])
def test_settings_files(suffix: str, document: str, tmp_path: Path, record_property) -> None:
    path = tmp_path / f"s.{suffix}"

    def check(text: str) -> None:
        # some file systems wait for the disk when a file is overwritten, not when there is a new one
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        refuses_cleanly(lambda: resolve_settings(str(path), environ={}))

    try_many(8, check, damaged([document]), VARY, record_property)


def test_yaml_documents(record_property) -> None:
    def check(text: str) -> None:
        try:
            value = read_yaml(text)
        except yaml.YAMLError:
            return
        # plain values only, and no larger than what was written
        assert len(json.dumps(value, default=str, skipkeys=True)) < 40 * (len(text) + 10)

    try_many(16, check, damaged([YAML, POLICY]), VARY, record_property)


PARTS = [
    "a",
    "..",
    ".",
    "",
    "/",
    "\\",
    "\0",
    "é",
    "%2e%2e",
    "%00",
    "private",
    "~",
    "[",
    "]",
    "file://",
    "s3://",
    "://",
]
KEYS = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=5)


def test_keys_names_and_addresses(record_property, tmp_path: Path) -> None:
    root = tmp_path.resolve()

    def check(parts: list[str]) -> None:
        key = "/".join(parts)
        try:
            assert (root / check_key(key)).is_relative_to(root)
            assert ".." not in key.split("/")
        except ThoughttraceError:
            pass
        refuses_cleanly(lambda: local_path("".join(parts)))
        refuses_cleanly(lambda: local_path(f"file://{key}"))
        assert printable_name(key).isprintable()

    vary = vary_by([[p] for p in PARTS], lambda rng: [any_character(rng)])
    try_many(10, check, KEYS, vary, record_property)


CRASHES = [
    "a: 2026-13-45",
    "a: " + "9" * 5_000,
    "[" * 1_500,
    "a: &a [x]\nb: [*a, *a]",
    "? [a]\n: b",
    "a: !!int x",
    "a: !!timestamp x",
    "!!python/object/apply:os.system ['true']",
    "<<: 3",
    "a: 0b",
    "a: !" + "9" * 5_000,
    "9" * 5_000 + ": 3",
    "[" * 20_000,
    "{" + ", ".join(f"k{n}: 1" for n in range(500)) + "}",
]
"""Documents that once ended a loader with an error that was not its own, or well might."""


@pytest.mark.parametrize("address", ["~\0", "a\0b", "file:///a%00b", "file://[", "s3://]x"])
def test_addresses_that_crashed(address: str) -> None:
    with pytest.raises(UsageError):
        local_path(address)


@pytest.mark.parametrize("text", CRASHES, ids=range(len(CRASHES)))
def test_documents_that_crashed(text: str, tmp_path: Path) -> None:
    refuses_cleanly(lambda: read_taxonomy(text, "t.yaml"))
    refuses_cleanly(lambda: parse_policy(text, "p"))
    for suffix in ("yaml", "toml"):
        path = tmp_path / f"s.{suffix}"
        path.write_text(text if suffix == "yaml" else text.replace("a: ", "a = "))
        with pytest.raises(ThoughttraceError):
            resolve_settings(str(path), environ={})
