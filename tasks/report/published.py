"""Values that the ThoughtTrace paper and its site give, drawn lighter beside ours.

They are quoted, never computed here, and never used by the gate. Where a value disagrees with the
published file (task_motivation: 36.9 % printed, 1,680 / 4,498 = 37.4 % in the file) the printed one
stands here, because it is what a reader holds in the other hand.
Source: arXiv 2605.20087 and the project's site, as of May 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCE = "ThoughtTrace paper"

LABEL_SHARES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "reason": {
            "task_motivation": 0.369,
            "task_continuation": 0.214,
            "context_grounding_and_constraints": 0.131,
            "content_expectation": 0.115,
            "social_and_others": 0.111,
            "style_expectation": 0.050,
            "task_reorientation": 0.010,
        },
        "reaction": {
            "explicit_affirmation": 0.722,
            "content_relevance": 0.119,
            "presentation_style": 0.064,
            "scope_fit": 0.061,
            "partial_satisfaction": 0.034,
        },
        "relationship": {
            "first_request": 0.252,
            "completely_new_request": 0.125,
            "re_attempt": 0.029,
            "new_variation": 0.023,
            "extend_or_deepen": 0.570,
        },
        "topic": {
            "culture_lifestyle": 0.371,
            "education_knowledge": 0.191,
            "business_society": 0.148,
            "health_relationships": 0.145,
            "technology": 0.066,
            "arts_entertainment": 0.049,
            "other_topics": 0.031,
        },
    }
)
STAGE_SHARES: Mapping[str, Mapping[str, tuple[float, float, float, float]]] = MappingProxyType(
    {
        "reason": {
            "task_motivation": (0.57, 0.41, 0.18, 0.27),
            "task_continuation": (0.04, 0.20, 0.36, 0.26),
            "social_and_others": (0.23, 0.05, 0.08, 0.15),
        },
        "reaction": {"explicit_affirmation": (0.67, 0.69, 0.76, 0.79)},
    }
)
