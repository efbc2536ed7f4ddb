"""What happens in a block of participants: who, about what, when, with which labels. No text yet.

Shares follow the published figures of the dataset (arXiv 2605.20087 and its site); where those say
nothing the numbers are ours. A block depends only on its own number and the seed, so a longer export
starts with the conversations of a shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from tasks.synth.phrasebook import REASONS, Ints, Phrasebook

Floats = npt.NDArray[np.float64]

MODELS: tuple[tuple[str, str], ...] = (
    ("GPT-5.4", "OpenAI"),
    ("GPT-5.4 mini", "OpenAI"),
    ("gpt-oss-120b", "OpenAI"),
    ("Claude Opus 4.6", "Anthropic"),
    ("Claude Sonnet 4.6", "Anthropic"),
    ("Claude Haiku 4.5", "Anthropic"),
    ("Gemini 3.1 Pro Preview", "Google"),
    ("Gemini 3 Flash Preview", "Google"),
    ("Gemma 4 26B A4B", "Google"),
    ("Grok 4.20", "xAI"),
    ("Grok 4.1 Fast", "xAI"),
    ("Kimi K2.5", "MoonshotAI"),
    ("Qwen3.6 Plus", "Qwen"),
    ("Qwen3.5 35B A3B", "Qwen"),
    ("MiMo-V2-Pro", "Xiaomi"),
    ("DeepSeek V3.2", "DeepSeek"),
    ("GLM 5", "Z.ai"),
    ("MiniMax M2.5", "MiniMax"),
    ("Llama 4 Maverick", "Meta"),
    ("Mistral Large 3", "Mistral"),
)

DOMAIN_SHARES = (0.371, 0.191, 0.148, 0.145, 0.066, 0.049, 0.030)
REASON_SHARES = np.array([0.369, 0.214, 0.131, 0.115, 0.111, 0.050, 0.010])
REACTION_SHARES = np.array([0.722, 0.119, 0.064, 0.061, 0.034])
# shares of non-first user messages: new request, re-attempt, variation, extension
LATER_RELATIONSHIPS = np.array([0.125, 0.029, 0.023, 0.570])
PAIR_SHARES = np.array(
    [130, 160, 172, 182, 136, 92, 50, 30, 18, 11, 6, 4, 3, 2, 1, 1, 0, 0, 0, 1], np.float64
)  # conversations with 1, 2, 3, … pairs of messages; median 4 pairs
CONVERSATION_SHARES = np.array([0.36, 0.42, 0.11, 0.07, 0.02, 0.01, 0.005, 0.005])
REASONS_PER_MESSAGE = np.array([0.51, 0.46, 0.025, 0.005])
REACTIONS_PER_MESSAGE = np.array([0.395, 0.55, 0.045, 0.01])
# rows: stage (early … late); the published columns are motivation, continuation, social and affirmation
_REASONS_BY_STAGE = np.array(
    [
        [0.57, 0.04, 0.08, 0.05, 0.23, 0.02, 0.004],
        [0.41, 0.20, 0.16, 0.13, 0.05, 0.05, 0.010],
        [0.18, 0.36, 0.18, 0.16, 0.08, 0.07, 0.015],
        [0.27, 0.26, 0.13, 0.14, 0.15, 0.06, 0.012],
    ]
)
_AFFIRMATION_BY_STAGE = np.array([0.67, 0.69, 0.76, 0.79])
_NON_ENGLISH_WEIGHTS = (5, 4, 3, 3, 2, 2, 2, 2)

FIRST_BLOCK = 16
LARGEST_BLOCK = 1024
EPOCH_MS = int(np.datetime64("2026-03-01T00:00:00", "ms").astype(np.int64))
_DAY_MS = 86_400_000


class Stream(IntEnum):
    """Independent random streams of a block; a change in one leaves the text of the others alone."""

    PLAN = 0
    TEXT = 1
    THOUGHT = 2
    PLANT = 3
    ODDITY = 4
    SURVEY = 5
    FAULT = 6


def open_stream(seed: int, block: int, stream: Stream) -> np.random.Generator:
    """Return the random generator of one stream of one block."""
    return np.random.default_rng([seed, block, int(stream)])


@dataclass(frozen=True, slots=True)
class Plan:
    """Arrays of one block. Prefixes: `p_` a participant, `c_` a conversation, `m_` a message, `t_` a thought.

    Times are epoch milliseconds. `m_role` is 0 for the user and 1 for the assistant; `t_label` counts
    reasons first, then reactions.
    """

    block: int
    p_number: Ints
    p_model: Ints
    p_language: Ints
    p_created: Ints
    p_updated: Ints
    c_participant: Ints
    c_task: Ints
    c_task_first: Ints
    c_number: Ints
    c_topic: Ints
    c_second_topic: Ints
    c_n_messages: Ints
    m_conversation: Ints
    m_position: Ints
    m_role: Ints
    m_relationship: Ints
    m_topic: Ints
    m_time: Ints
    t_message: Ints
    t_ordinal: Ints
    t_label: Ints
    t_time: Ints


def block_size(block: int) -> int:
    """Participants in a block: 16, 32, 64 … up to 1,024, so that a small export is quick."""
    return min(FIRST_BLOCK << block, LARGEST_BLOCK)


def block_start(block: int) -> int:
    """Participants in all blocks before this one."""
    return sum(block_size(b) for b in range(block))


def plan_block(book: Phrasebook, seed: int, block: int, non_english: float) -> Plan:
    """Draw everything about a block of participants but its text.

    Args:
        book: decides topics and languages.
        seed: seed of the export.
        block: number of the block, from 0.
        non_english: share of participants who write in another language.
    """
    rng = open_stream(seed, block, Stream.PLAN)
    n_p = block_size(block)
    model_weights = np.linspace(1.6, 0.4, len(MODELS))
    p_model = rng.choice(len(MODELS), n_p, p=model_weights / model_weights.sum())
    foreign = np.array(_NON_ENGLISH_WEIGHTS[: len(book.languages) - 1], np.float64)
    p_language = np.where(
        rng.random(n_p) < non_english, rng.choice(len(foreign), n_p, p=foreign / foreign.sum()) + 1, 0
    )

    per_participant = _draw(rng, CONVERSATION_SHARES, n_p) + 1
    c_participant = np.repeat(np.arange(n_p), per_participant)
    n_c = len(c_participant)
    c_index = _index_in_group(per_participant)
    is_new_task = (rng.random(n_c) < 0.75) | (c_index == 0)
    c_task = _count_in_group(is_new_task, per_participant)
    c_task_first = np.maximum.accumulate(np.where(is_new_task, np.arange(n_c), 0))
    c_number = np.arange(n_c) - c_task_first + 1
    c_topic = _draw_topics(rng, book, p_language[c_participant])
    # conversations of one task share its topic
    c_topic = c_topic[c_task_first]
    c_second_topic = np.where(
        rng.random(n_c) < 0.3, _draw_topics(rng, book, p_language[c_participant]), c_topic
    )

    pairs = _draw(rng, PAIR_SHARES, n_c) + 1
    c_n_messages = 2 * pairs
    m_conversation = np.repeat(np.arange(n_c), c_n_messages)
    m_position = _index_in_group(c_n_messages)
    n_m = len(m_position)
    m_role = m_position % 2
    later = _draw(rng, LATER_RELATIONSHIPS, n_m) + 1
    m_relationship = np.where(m_role == 1, -1, np.where(m_position == 0, 0, later))
    switched = _count_in_group(m_relationship == 1, c_n_messages) > 0
    m_topic = np.where(switched, c_second_topic[m_conversation], c_topic[m_conversation])

    m_participant = c_participant[m_conversation]
    pause = np.where(m_role == 1, rng.integers(3_000, 16_000, n_m), rng.integers(25_000, 220_000, n_m))
    pause = np.where(m_position == 0, rng.integers(60_000, 400_000, n_m), pause)
    elapsed = np.cumsum(pause)
    first = np.searchsorted(m_participant, np.arange(n_p))
    p_created = EPOCH_MS + rng.integers(0, 50 * _DAY_MS, n_p)
    m_time = p_created[m_participant] + elapsed - (elapsed - pause)[first][m_participant]
    last = np.searchsorted(m_participant, np.arange(n_p), side="right") - 1
    p_updated = m_time[last] + rng.integers(20_000, 300_000, n_p)

    per_message = np.where(
        m_role == 0, _draw(rng, REASONS_PER_MESSAGE, n_m), _draw(rng, REACTIONS_PER_MESSAGE, n_m)
    )
    t_message = np.repeat(np.arange(n_m), per_message)
    t_ordinal = _index_in_group(per_message)
    n_t = len(t_message)
    t_role = m_role[t_message]
    stage = stage_of(m_position // 2, pairs[m_conversation])[t_message]
    reasons, reactions = _label_shares()
    t_label = np.where(
        t_role == 0, _draw(rng, reasons, n_t, stage), len(REASONS) + _draw(rng, reactions, n_t, stage)
    )
    delay = (1_000 * np.exp(rng.normal(3.4, 0.7, n_t))).astype(np.int64) + 1_500
    t_time = m_time[t_message] + delay * (t_ordinal + 1)

    return Plan(
        block, block_start(block) + np.arange(n_p), p_model, p_language, p_created, p_updated,
        c_participant, c_task, c_task_first, c_number, c_topic, c_second_topic, c_n_messages,
        m_conversation, m_position, m_role, m_relationship, m_topic, m_time,
        t_message, t_ordinal, t_label, t_time,
    )  # fmt: skip


def stage_of(index: Ints, n: Ints) -> Ints:
    """Quarter of the conversation, 0 to 3, of the `index`-th of `n` messages of a role."""
    return np.rint(3 * index / np.maximum(n - 1, 1)).astype(np.int64)


def _label_shares() -> tuple[Floats, Floats]:
    """Shares of reasons and reactions by stage, raked so that the overall shares are the published ones."""
    pairs = np.arange(1, len(PAIR_SHARES) + 1)
    weight = np.zeros(4)
    for n, share in zip(pairs, PAIR_SHARES, strict=True):
        weight += share * np.bincount(stage_of(np.arange(n), np.full(n, n)), minlength=4)
    weight /= weight.sum()
    rest = REACTION_SHARES[1:] / REACTION_SHARES[1:].sum()
    reactions = np.column_stack([_AFFIRMATION_BY_STAGE, (1 - _AFFIRMATION_BY_STAGE)[:, None] * rest])
    return _rake(_REASONS_BY_STAGE, weight, REASON_SHARES), _rake(reactions, weight, REACTION_SHARES)


def _rake(table: Floats, row_weight: Floats, column_shares: Floats) -> Floats:
    shares = column_shares / column_shares.sum()
    for _ in range(50):
        table = table * (shares / (row_weight @ table))
        table = table / table.sum(axis=1, keepdims=True)
    return table


def _draw(rng: np.random.Generator, shares: Floats, n: int, row: Ints | None = None) -> Ints:
    """Draw `n` categories with these shares; with `row`, from that row of a table of shares."""
    u = rng.random(n)
    if row is None:
        edges = np.cumsum(shares / shares.sum())
        return np.minimum(np.searchsorted(edges, u, side="right"), len(shares) - 1)
    edges = np.cumsum(shares, axis=1)[row]
    return np.minimum((edges <= u[:, None]).sum(axis=1), shares.shape[1] - 1)


def _draw_topics(rng: np.random.Generator, book: Phrasebook, language: Ints) -> Ints:
    domains = list(dict.fromkeys(t.domain for t in book.topics))
    sizes = np.array([sum(t.domain == d and t.language == "en" for t in book.topics) for d in domains])
    domain = _draw(rng, np.array(DOMAIN_SHARES), len(language))
    within = np.minimum((rng.random(len(language)) * sizes[domain]).astype(np.int64), sizes[domain] - 1)
    english = np.cumsum(sizes)[domain] - sizes[domain] + within
    return np.where(language == 0, english, book.n_subtopics + (language - 1) * len(domains) + domain)


def _index_in_group(sizes: Ints) -> Ints:
    """0, 1, 2 … within each of the consecutive groups of these sizes."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _count_in_group(flags: npt.NDArray[np.bool_], sizes: Ints) -> Ints:
    """Flags raised so far (this one included) within each of the consecutive groups."""
    total = np.cumsum(flags)
    start = np.cumsum(sizes) - sizes
    before = (total - flags)[start]
    return total - np.repeat(before, sizes)
