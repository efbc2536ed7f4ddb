"""Names by a spaCy entity model, several times faster than spaCy runs it, with the same entities.

spaCy decides transition after transition in C. Outside an entity the decision depends on the token
alone, so those decisions are one matrix product; only continuations of entities are stepped through, all
candidates at once. A model of another architecture, or one whose entities differ on the probe sentences,
is run by spaCy itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tasks.scrub.blas import use_one_blas_thread
from tasks.scrub.ner_encoder import Encoder
from tasks.scrub.ner_weights import Array, NerWeights, UnknownArchitectureError, read_weights
from tasks.scrub.spacy_lean import import_spacy
from tasks.scrub.weights import VerifiedModel

BLOCK_TOKENS = 2_048
BATCH_CHARS = 200_000
MAX_NEW_WORDS = 400_000
_IMPOSSIBLE = np.float32(-1e9)
_UNUSED_PIPES = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "senter")
_WORD_ATTRIBUTES = ("ORTH", "LOWER", "NORM", "PREFIX", "SUFFIX", "SHAPE", "IS_SPACE")
_PROBE = (
    "Ines Vandermolen moved from Leuven to New York in March 2021 and joined Acme Corp.",
    "thanks!\n\n- Step 1: call Dr. Okonkwo\n- Step 2: the European Union, 45 % of $2 million",
)


class Entity(NamedTuple):
    """A named entity: code-point range and the model's label."""

    start: int
    end: int
    label: str


class NameTagger(Protocol):
    """Finds named entities in texts."""

    @property
    def version(self) -> str:
        """What decides the output: engine and weights."""
        ...

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order."""
        ...


def load_tagger(model: VerifiedModel) -> NameTagger:
    """Load a model; NumPy runs it where the architecture is known and the probe agrees, else spaCy."""
    pipeline = load_pipeline(model)
    reference = SpacyTagger(pipeline, model.digest)
    try:
        fast = NumpyTagger(model, pipeline)
    except UnknownArchitectureError:
        return reference
    return fast if fast.tag(_PROBE) == reference.tag(_PROBE) else reference


def load_pipeline(model: VerifiedModel) -> Any:
    """Load the tokeniser and the entity component only, and compute only what they read of a word.

    Of the twenty attributes that spaCy computes of every new word (is it like a URL, a number, a stop
    word, ...) seven count; the rest would be a third of the time spent on new words.
    """
    nlp = import_spacy().load(model.path, exclude=_UNUSED_PIPES)
    nlp.max_length = 1 << 31
    ids = import_module("spacy.attrs").IDS
    kept = {ids[name] for name in _WORD_ATTRIBUTES}
    getters = nlp.vocab.lex_attr_getters
    nlp.vocab.lex_attr_getters = {key: get for key, get in getters.items() if key in kept}
    return nlp


class SpacyTagger:
    """spaCy's own inference: the reference, and the fallback."""

    def __init__(self, nlp: Any, digest: str) -> None:
        self._nlp = nlp
        self._busy = threading.Lock()
        self.version = f"spacy:{digest}"

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order; threads may share the tagger and take turns."""
        with self._busy, self._nlp.memory_zone():
            return [
                [Entity(e.start_char, e.end_char, e.label_) for e in doc.ents]
                for doc in self._nlp.pipe(texts, batch_size=16)
            ]


class NumpyTagger:
    """Batched NumPy inference over the same weights."""

    def __init__(self, model: VerifiedModel, pipeline: Any) -> None:
        """Read the weights of a loaded pipeline.

        Raises:
            UnknownArchitectureError: the model is built in another way.
        """
        use_one_blas_thread()
        self._model = model
        self._nlp = pipeline
        # vocabulary and word cache belong to one caller at a time: two that fill the same rows would read
        # each other's words and miss names
        self._busy = threading.Lock()
        self._n_known = len(self._nlp.vocab.strings)
        weights = read_weights(self._nlp.get_pipe("ner"))
        self._encoder = Encoder(weights, self._nlp.vocab)
        self._rules = _Transitions(weights)
        self.version = f"numpy:{model.digest}"

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order; threads may share the tagger and take turns."""
        with self._busy:
            return self._tag_all(texts)

    def _tag_all(self, texts: Sequence[str]) -> list[list[Entity]]:
        found: list[list[Entity]] = []
        for batch in _batches(texts, BATCH_CHARS):
            docs = [self._nlp.make_doc(text) for text in batch]
            entities: list[list[Entity]] = [[] for _ in docs]
            for block in _blocks(docs):
                for index, first, last, label in self._tag_block(docs, block):
                    doc = docs[index]
                    end = doc[last - 1].idx + len(doc[last - 1])
                    entities[index].append(Entity(doc[first].idx, end, label))
            found.extend(entities)
            self._forget_words()
        return found

    def _forget_words(self) -> None:
        """Start with a fresh vocabulary once many words were seen: memory stays bounded over a long run."""
        if len(self._nlp.vocab.strings) - self._n_known > MAX_NEW_WORDS:
            self._nlp = load_pipeline(self._model)

    def _tag_block(self, docs: Sequence[Any], block: Sequence[int]) -> Iterator[tuple[int, int, int, str]]:
        """Yield (document, first token, one past the last token, label)."""
        vectors, is_space = self._encoder.encode([docs[i] for i in block])
        lengths = np.array([len(docs[i]) for i in block])
        starts = np.cumsum(lengths) - lengths
        is_last = np.zeros(len(vectors), bool)
        is_last[starts + lengths - 1] = True
        for first, last, label in self._rules.decode(vectors, is_space, is_last):
            which = int(np.searchsorted(starts, first, side="right")) - 1
            offset = int(starts[which])
            yield block[which], first - offset, last - offset, label


def _batches(texts: Sequence[str], limit: int) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > limit:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _blocks(docs: Sequence[Any]) -> Iterator[list[int]]:
    block: list[int] = []
    size = 0
    for index, doc in enumerate(docs):
        if not len(doc):
            continue
        if block and size + len(doc) > BLOCK_TOKENS:
            yield block
            block, size = [], 0
        block.append(index)
        size += len(doc)
    if block:
        yield block


class _Transitions:
    """spaCy's BILUO transition system over precomputed token vectors."""

    def __init__(self, weights: NerWeights) -> None:
        self._w = weights
        names = weights.transitions
        self._hidden = weights.hidden_b.shape[0] // 2
        self._kinds = np.array([name[0] for name in names])
        self._labels = sorted({name[2:] for name in names if len(name) > 2})
        self._label_of = np.array([self._labels.index(n[2:]) if len(n) > 2 else -1 for n in names])
        unit = [n[0] == "U" and len(n) > 2 for n in names]
        self._out = _mask([n == "O" or n[0] == "B" or u for n, u in zip(names, unit, strict=True)])
        self._out_last = _mask([n == "O" or u for n, u in zip(names, unit, strict=True)])
        self._out_space = _mask([n == "O" for n in names])
        inside = [names.index(f"I-{label}") for label in self._labels]
        final = [names.index(f"L-{label}") for label in self._labels]
        self._inside_w, self._inside_b = weights.upper_w[:, inside].T, weights.upper_b[inside]
        self._final_w, self._final_b = weights.upper_w[:, final].T, weights.upper_b[final]

    def _activate(self, x: Array) -> Array:
        return np.maximum(x[:, : self._hidden], x[:, self._hidden :])

    def decode(
        self, vectors: Array, is_space: npt.NDArray[np.bool_], is_last: npt.NDArray[np.bool_]
    ) -> Iterator[tuple[int, int, str]]:
        """Yield (first token, one past the last token, label) in order."""
        w = self._w
        tokens = vectors @ w.lower_w + w.lower_b
        at_token = tokens @ w.features[0]
        scores = self._activate(at_token + (w.pads[1] + w.pads[2] + w.hidden_b)) @ w.upper_w
        scores += w.upper_b + self._out
        scores[is_last] += self._out_last
        scores[is_space] += self._out_space
        action = scores.argmax(axis=1)
        kind = self._kinds[action]
        begins = np.nonzero(kind == "B")[0]
        ends = self._continue(tokens, at_token, begins, self._label_of[action[begins]], is_last)
        end_of = dict(zip(begins.tolist(), ends.tolist(), strict=True))
        free = 0
        starts = np.nonzero((kind == "B") | (kind == "U"))[0]
        labels = self._label_of[action[starts]]
        for first, label in zip(starts.tolist(), labels.tolist(), strict=True):
            if first >= free:
                free = end_of.get(first, first + 1)
                yield first, free, self._labels[label]

    def _continue(
        self,
        tokens: Array,
        at_token: Array,
        begins: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
        is_last: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.int64]:
        """Step all open entities on together until each one is closed; return where they end."""
        w = self._w
        ends = begins + 1
        opened = tokens[begins] @ w.features[1]
        alive = np.arange(len(begins))
        current = begins + 1
        while len(alive):
            now = current[alive]
            hidden = self._activate(
                at_token[now] + opened[alive] + tokens[now - 1] @ w.features[2] + w.hidden_b
            )
            which = labels[alive]
            stay = np.einsum("ij,ij->i", hidden, self._inside_w[which]) + self._inside_b[which]
            close = np.einsum("ij,ij->i", hidden, self._final_w[which]) + self._final_b[which]
            # on a tie the transition with the lower number wins, and I- stands before L-
            done = (close > stay) | is_last[now]
            ends[alive[done]] = now[done] + 1
            alive = alive[~done]
            current[alive] += 1
        return ends


def _mask(allowed: Sequence[bool]) -> Array:
    return np.where(np.array(allowed), np.float32(0), _IMPOSSIBLE).astype(np.float32)
