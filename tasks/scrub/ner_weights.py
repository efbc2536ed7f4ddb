"""Reads the arrays of a spaCy named-entity model, or says that its architecture is not the known one.

Known: `MultiHashEmbed` (with or without static vectors), `MaxoutWindowEncoder` of window 1 with three
pieces, `TransitionBasedParser` with one hidden maxout layer of two pieces and three state features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

N_STATE_FEATURES = 3
N_ENCODER_PIECES = 3
N_HIDDEN_PIECES = 2


class UnknownArchitectureError(Exception):
    """The model is not built as this module expects; spaCy itself must run it."""


@dataclass(frozen=True, slots=True)
class MaxoutLayer:
    """Maxout then layer norm: `w` (inputs, pieces * outputs), `b` (pieces * outputs), gain, shift."""

    w: Array
    b: Array
    n_out: int
    gain: Array
    shift: Array


@dataclass(frozen=True, slots=True)
class HashTable:
    """One hashed embedding: its rows, its seed, and which token attribute it reads."""

    rows: Array
    seed: int
    column: int


@dataclass(frozen=True, slots=True)
class NerWeights:
    """All arrays of the model, laid out for row-major products.

    Attributes:
        columns: token attributes that the hash tables read, in order.
        tables: hashed embeddings.
        static: projection of the static word vectors (dimension, outputs), or None.
        mix: layer that joins the embeddings.
        encoder: window layers, applied with residual connections.
        lower_w: projection of a token vector to the parser's width.
        lower_b: its bias.
        features: per state feature, token vector to hidden pre-activation.
        pads: per state feature, the contribution of a missing token.
        hidden_b: bias of the hidden layer.
        upper_w: hidden layer to transition scores.
        upper_b: its bias.
        transitions: names of the transitions in order (`B-PERSON`, `O`, …).
    """

    columns: tuple[str, ...]
    tables: tuple[HashTable, ...]
    static: Array | None
    mix: MaxoutLayer
    encoder: tuple[MaxoutLayer, ...]
    lower_w: Array
    lower_b: Array
    features: tuple[Array, ...]
    pads: tuple[Array, ...]
    hidden_b: Array
    upper_w: Array
    upper_b: Array
    transitions: tuple[str, ...]


def _nodes(model: Any, name: str) -> list[Any]:
    return [node for node in model.walk() if node.name == name]


def _one(model: Any, name: str) -> Any:
    found = _nodes(model, name)
    if len(found) != 1:
        raise UnknownArchitectureError(f"{len(found)} layers named {name}")
    return found[0]


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise UnknownArchitectureError(what)


def _maxout(node: Any, norm: Any) -> MaxoutLayer:
    w, b = node.get_param("W"), node.get_param("b")
    n_out, pieces, n_in = w.shape
    _require(pieces == N_ENCODER_PIECES, f"maxout of {pieces} pieces")
    return MaxoutLayer(
        np.ascontiguousarray(w.transpose(1, 0, 2).reshape(pieces * n_out, n_in).T),
        np.ascontiguousarray(b.T.reshape(-1)),
        n_out,
        norm.get_param("G"),
        norm.get_param("b"),
    )


def read_weights(ner: Any) -> NerWeights:
    """Read the arrays of a loaded `ner` component.

    Raises:
        UnknownArchitectureError: the component is built in another way.
    """
    model = ner.model
    _require(model.name == "parser_model" and bool(model.attrs.get("has_upper")), "not a greedy parser")
    extract = _one(model, "extract_features")
    windows = _nodes(model, "expand_window")
    _require(all(n.attrs["window_size"] == 1 for n in windows), "window size")
    maxouts, norms, linears = _nodes(model, "maxout"), _nodes(model, "layernorm"), _nodes(model, "linear")
    _require(len(maxouts) == len(norms) == len(windows) + 1, "encoder layers")
    _require(len(linears) == 2, "linear layers")
    layers = [_maxout(node, norm) for node, norm in zip(maxouts, norms, strict=True)]
    width = layers[0].n_out
    _require(all(layer.n_out == width for layer in layers), "encoder width")
    _require(all(layer.w.shape[0] == 3 * width for layer in layers[1:]), "encoder inputs")
    static = _nodes(model, "static_vectors")
    _require(len(static) <= 1, "static vectors")
    affine = _one(model, "precomputable_affine")
    fw, pad = affine.get_param("W"), affine.get_param("pad")[0]
    n_features, hidden, pieces, n_in = fw.shape
    _require((n_features, pieces) == (N_STATE_FEATURES, N_HIDDEN_PIECES), "state features")
    lower = next((n for n in linears if n.get_dim("nI") == width and n.get_dim("nO") == n_in), None)
    n_moves = int(ner.moves.n_moves)
    upper = next((n for n in linears if n is not lower and n.get_dim("nO") == n_moves), None)
    if lower is None or upper is None:
        raise UnknownArchitectureError("parser layers")
    return NerWeights(
        columns=tuple(str(c) for c in extract.attrs["columns"]),
        tables=tuple(
            HashTable(n.get_param("E"), int(n.attrs["seed"]), int(n.attrs["column"]))
            for n in _nodes(model, "hashembed")
        ),
        static=np.ascontiguousarray(static[0].get_param("W").T) if static else None,
        mix=layers[0],
        encoder=tuple(layers[1:]),
        lower_w=np.ascontiguousarray(lower.get_param("W").T),
        lower_b=lower.get_param("b"),
        features=tuple(
            np.ascontiguousarray(fw[f].transpose(1, 0, 2).reshape(pieces * hidden, n_in).T)
            for f in range(n_features)
        ),
        pads=tuple(np.ascontiguousarray(pad[f].T.reshape(-1)) for f in range(n_features)),
        hidden_b=np.ascontiguousarray(affine.get_param("b").T.reshape(-1)),
        upper_w=np.ascontiguousarray(upper.get_param("W").T),
        upper_b=upper.get_param("b"),
        transitions=tuple(ner.moves.get_class_name(i) for i in range(n_moves)),
    )
