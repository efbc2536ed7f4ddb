"""Token counts without a network.

The counts are those of `tiktoken`'s `cl100k_base`, exactly: its merge table ships as a data file inside
the litellm wheel, which is found by path (litellm is not imported) and checked against the published
digest. Where the file is missing or another one, there are no token counts rather than rough ones.
Source: https://github.com/openai/tiktoken (tiktoken_ext/openai_public.py).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

TOKENIZER = "cl100k_base"
_FILE = "litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_BLOCK = 500
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@cache
def find_tokenizer() -> Encoding | None:
    """Load the tokenizer, or None where its merge table is not at hand."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations or find_spec("tiktoken") is None:
        return None
    path = Path(spec.submodule_search_locations[0]) / _FILE
    if not path.is_file():
        return None
    table = path.read_bytes()
    if hashlib.sha256(table).hexdigest() != _SHA256:
        return None
    from tiktoken import Encoding

    ranks = {base64.b64decode(word): int(rank) for word, rank in map(bytes.split, table.splitlines())}
    return Encoding(TOKENIZER, pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})


def count_tokens(texts: Sequence[str], n_threads: int = 2) -> list[int] | None:
    """Count the tokens of each text; None without a tokenizer. Special tokens count as plain text."""
    encoding = find_tokenizer()
    if encoding is None:
        return None

    def count(start: int) -> list[int]:
        # a task a block: the library's own batch makes a task a text, which costs more than short texts do
        return [len(encoding.encode_ordinary(text)) for text in texts[start : start + _BLOCK]]

    with ThreadPoolExecutor(n_threads) as pool:
        return [n for block in pool.map(count, range(0, len(texts), _BLOCK)) for n in block]
