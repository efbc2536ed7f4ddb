"""Make the model or language of conversations coarser where it would single a participant out."""

from __future__ import annotations

import polars as pl

_COLUMNS = ("model_name", "model_provider", "language")


def withhold(conversations: pl.DataFrame, withheld: pl.DataFrame) -> pl.DataFrame:
    """Show the coarser model and language of the participants concerned.

    Args:
        conversations: any table with participant_id and some of model_name, model_provider, language.
        withheld: `withheld`; null leaves a column as it is, but a coarser model without a known provider
            has none.
    """
    coarser = withheld.select("participant_id", *(pl.col(c).alias(f"_{c}") for c in _COLUMNS))
    joined = conversations.join(coarser, on="participant_id", how="left", maintain_order="left")
    has_model = pl.col("_model_name").is_not_null()
    shown = {
        "model_name": pl.coalesce("_model_name", "model_name"),
        "model_provider": pl.when(has_model).then("_model_provider").otherwise("model_provider"),
        "language": pl.coalesce("_language", "language"),
    }
    present = {name: expr for name, expr in shown.items() if name in conversations.columns}
    return joined.with_columns(**present).select(conversations.columns)


def withhold_languages(
    messages: pl.DataFrame, conversations: pl.DataFrame, withheld: pl.DataFrame
) -> pl.DataFrame:
    """Show the coarser language on every message of the participants concerned.

    Args:
        messages: `messages`.
        conversations: `conversations`, to know whose message it is.
        withheld: `withheld`.
    """
    owners = conversations.select("conversation_id", "participant_id")
    return withhold(messages.join(owners, on="conversation_id", maintain_order="left"), withheld).select(
        messages.columns
    )
