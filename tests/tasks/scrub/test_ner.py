"""The fast tagger finds exactly what spaCy finds."""

import dataclasses
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.errors import ConfigError
from tasks.scrub import ner
from tasks.scrub.ner import SpacyTagger, load_pipeline, load_tagger
from tasks.scrub.weights import SMALL, PinnedModel, find_model, verify_folder

WORDS = [
    "Ines",
    "Vandermolen",
    "Okonkwo",
    "Leuven",
    "Tokyo",
    "the",
    "a",
    "of",
    "and",
    "visited",
    "Acme",
    "Corp.",
    "bought",
    "12",
    "$40",
    "million",
    "in",
    "March",
    "2021",
    "Mr.",
    "Dr.\nlower",
    "case",
    "words",
    "running",
    "over",
    "there",
    "!",
    "?",
    ",",
    ".",
    "-",
    "(",
    ")",
    "\n",
    "\n\n",
    "",
    "",
    "",
    "\t",
    "European",
    "Union",
    "Monday",
    "45",
    "%",
    "Shakespeare's",
    "said",
    '"hello"',
    "it's",
    "don't\nSão",
    "Paulo",
    "müller",
    "李明",
    "🙂",
    "https://example.org",
    "a@b.example",
    "```",
    "def",
    "f(x):",
    "return",
    "x1",
    "GPT-4o",
    "iPhone",
    "NASA",
]


@pytest.fixture(scope="module")
def model():
    return find_model(SMALL)


def sample_texts() -> list[str]:
    rng = random.Random(7)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 60))) for _ in range(200)]
    long = " ".join(rng.choices(WORDS, k=6_000))
    return ["", " ", "\n", *texts, long]


def test_entities_equal_those_of_spacy(model) -> None:
    texts = sample_texts()
    fast = load_tagger(model)
    assert fast.version.startswith("numpy:")
    reference = SpacyTagger(load_pipeline(model), model.digest).tag(texts)
    assert fast.tag(texts) == reference
    assert sum(map(len, reference)) > 500


def test_threads_share_a_tagger(model) -> None:
    rng = random.Random(11)
    # words of its own for each thread: those are what the word cache gives slots to
    shares = [
        [" ".join(f"{rng.choice(WORDS)} {a}{rng.randrange(9_999)}" for _ in range(40)) for _ in range(40)]
        for a in ("Ba", "Ke", "Lo", "Ti")
    ]
    expected = [load_tagger(model).tag(share) for share in shares]
    shared = load_tagger(model)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(len(shares)) as pool:
            found = list(pool.map(shared.tag, shares))
    finally:
        sys.setswitchinterval(interval)
    assert found == expected


def test_words_may_be_forgotten_at_any_time(model, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sample_texts()[3:20]
    expected = load_tagger(model).tag(texts)
    monkeypatch.setattr(ner, "MAX_NEW_WORDS", 0)
    monkeypatch.setattr(ner, "BATCH_CHARS", 1_500)
    assert load_tagger(model).tag(texts) == expected


def test_unknown_architecture_is_run_by_spacy(model, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(component: object) -> None:
        raise ner.UnknownArchitectureError("other")

    monkeypatch.setattr(ner, "read_weights", refuse)
    tagger = load_tagger(model)
    assert isinstance(tagger, SpacyTagger)
    assert [e.label for e in tagger.tag(["Mary Johnson lives in Tokyo."])[0]] == ["PERSON", "GPE"]


def test_disagreement_on_the_probe_falls_back(model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ner.NumpyTagger, "tag", lambda self, texts: [[] for _ in texts])
    assert isinstance(load_tagger(model), SpacyTagger)


def test_altered_weights_are_refused(model, tmp_path) -> None:
    for name in SMALL.sha256:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((model.path / name).read_bytes())
    assert verify_folder(tmp_path, SMALL).digest == model.digest
    with (tmp_path / "ner" / "model").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"\x00\x01")
    with pytest.raises(ConfigError, match="ner/model"):
        verify_folder(tmp_path, SMALL)


def test_missing_model_is_named() -> None:
    with pytest.raises(ConfigError, match="no_such_model"):
        find_model(dataclasses.replace(SMALL, official="no_such_model", republished=()))
    assert isinstance(SMALL, PinnedModel)
