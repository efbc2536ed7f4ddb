"""The local head as a chat model: reads our own prompt, answers in our own schema.

With it `local/head` and `local/lexical` are models of litellm like any other, so that a fallback list may
end in one and other tools can use it. The stage itself takes the quicker way past the prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.taxonomies import Taxonomy, load_taxonomies
from tasks.tag.embedding import Embedder, load_embedder
from tasks.tag.items import Item, make_item
from tasks.tag.lexical import HashedWords
from tasks.tag.local import LocalTagger, fit_tagger
from tasks.tag.prompting import ABSTAIN, load_prompt

_ITEMS = re.compile(r"<items-([0-9a-f]{16})>\n(.*)\n</items-\1>", re.DOTALL)


class LocalChat:
    """Answers prompts of this package with the local head, fitted on seeds when a facet is first asked.

    Attributes:
        weights_dir: folder with the embedding model; empty uses the packaged one.
    """

    def __init__(self) -> None:
        self.weights_dir = ""
        self._offered: list[Taxonomy] = []
        self._taggers: dict[tuple[str, Taxonomy, str], LocalTagger] = {}

    def offer(self, taxonomies: Iterable[Taxonomy]) -> None:
        """Make taxonomies known that do not ship, such as the new one of a re-tag."""
        self._offered = [t for t in taxonomies if t not in self._offered] + self._offered

    def answer(self, model: str, static: str, body: str) -> str:
        """Return the JSON that answers a prompt.

        Args:
            model: `head` or `lexical`.
            static: system message as `render_static` makes it; its last line is the schema.
            body: user message as `render_items` makes it.

        Raises:
            ValueError: not such a prompt.
        """
        schema: Mapping[str, Any] = json.loads(static.rsplit("\n", 1)[1])
        answer = schema["properties"]["answers"]["items"]["properties"]
        is_multi = "labels" in answer
        allowed = [
            v for v in (answer["labels"]["items"] if is_multi else answer["label"])["enum"] if v != ABSTAIN
        ]
        taxonomy = self._find_taxonomy(allowed)
        found = _ITEMS.search(body)
        if taxonomy is None or found is None:
            raise ValueError("not a prompt of this package")
        rows: list[dict[str, str]] = json.loads(found[2])
        tagger = self._open(model, taxonomy)
        answers = [self._answer_item(tagger, row, allowed, is_multi=is_multi) for row in rows]
        return json.dumps({"answers": answers})

    def _answer_item(
        self, tagger: LocalTagger, row: Mapping[str, str], allowed: list[str], *, is_multi: bool
    ) -> dict[str, Any]:
        prediction = tagger.predict([_read_item(tagger.taxonomy, row)])[0]
        ranked = [(v, p) for v, p in prediction.ranking if v in allowed]
        if prediction.abstained or not ranked:
            label = {"labels": [ABSTAIN]} if is_multi else {"label": ABSTAIN, "second": None}
            return {"id": row["id"], **label, "confidence": 0.0}
        total = sum(p for _, p in ranked) or 1.0
        confidence = round(ranked[0][1] / total, 4)
        if is_multi:
            held = [v for v in prediction.values if v in allowed] or [ranked[0][0]]
            return {"id": row["id"], "labels": held[:3], "confidence": confidence}
        second = ranked[1][0] if len(ranked) > 1 else None
        return {"id": row["id"], "label": ranked[0][0], "second": second, "confidence": confidence}

    def _open(self, model: str, taxonomy: Taxonomy) -> LocalTagger:
        key = (model, taxonomy, self.weights_dir)
        if key not in self._taggers:
            embedder: Embedder = HashedWords() if model == "lexical" else load_embedder(self.weights_dir)
            self._taggers[key] = fit_tagger(taxonomy, embedder)
        return self._taggers[key]

    def _find_taxonomy(self, allowed: list[str]) -> Taxonomy | None:
        known = [*self._offered, *load_taxonomies().values()]
        return next((t for t in known if all(v in t for v in allowed)), None)


LOCAL_CHAT = LocalChat()
"""The one of this process: litellm knows a custom model by its handler, not by its settings."""


def _read_item(taxonomy: Taxonomy, row: Mapping[str, str]) -> Item:
    mapping = load_prompt(taxonomy.facet).item
    fields = {field: row[key] for key, field in mapping.items() if key in row}
    fields = fields or {"text": row.get("text", ""), "context": row.get("context", "")}
    # a relationship is only asked where there is a message before
    return make_item(row["id"], taxonomy.facet, fields.get("text", ""), fields.get("context", ""), None)


def register_local_models(litellm: Any) -> None:
    """Make `local/head` and `local/lexical` models of litellm, at the price of 0.

    Args:
        litellm: the module; only `tasks.tag.client` imports it.
    """
    if any(p.get("provider") == "local" for p in litellm.custom_provider_map):
        return

    class _Local(litellm.CustomLLM):
        def completion(self, *args: Any, **kwargs: Any) -> Any:
            del args
            messages, response = kwargs["messages"], kwargs["model_response"]
            text = LOCAL_CHAT.answer(kwargs["model"], messages[0]["content"], messages[-1]["content"])
            message = litellm.Message(content=text, role="assistant")
            response.choices = [litellm.Choices(message=message, finish_reason="stop", index=0)]
            response.usage = litellm.Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)
            response.model = f"local/{kwargs['model']}"
            return response

        async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
            return self.completion(*args, **kwargs)

    litellm.custom_provider_map.append({"provider": "local", "custom_handler": _Local()})
    price = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "supports_response_schema": True}
    names = ("local/head", "local/lexical")
    litellm.register_model({n: {"litellm_provider": "local", "mode": "chat", **price} for n in names})
