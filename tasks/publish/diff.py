"""What changed between two releases, as counts: rows by table and labels by flow.

Row law, for each table: added + changed + unchanged = rows now, removed + changed + unchanged = rows
before. Ids are compared, never published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from schemas.errors import DataError
from schemas.fields import CHANGES, CONVERSATIONS, FACETS, LABELS, MESSAGES, PARTICIPANTS, THOUGHTS, Table

TEXT_TABLES: tuple[Table, ...] = (PARTICIPANTS, CONVERSATIONS, MESSAGES, THOUGHTS)
_FACETS_OF: Mapping[str, tuple[str, ...]] = {
    "conversations": ("topic",),
    "messages": ("relationship",),
    "thoughts": ("reason", "reaction"),
}
_COUNTED = ("scope", "change", "reason", "from_value", "to_value")


@dataclass(frozen=True, slots=True)
class Removals:
    """Why rows are gone, as far as it was on purpose.

    Attributes:
        withdrawn: participant ids that asked to be removed.
        private: conversation ids removed to protect somebody.
    """

    withdrawn: Collection[str] = ()
    private: Collection[str] = ()


def diff_tables(
    old: Mapping[str, pl.DataFrame] | None, new: Mapping[str, pl.DataFrame], removals: Removals = Removals()
) -> pl.DataFrame:
    """Count what changed from one set of base tables to another.

    Args:
        old: base tables of the parent; None for a first release, where every row is added.
        new: base tables now.
        removals: ids whose removal has a reason.

    Returns:
        The `changes` table. A row counts as changed for the first of these reasons that holds: privacy
        (text, with more redactions), text, metadata, labels.

    Raises:
        DataError: a key occurs twice, or the counts do not add up.
    """
    before = old or {table.name: table.empty() for table in (*TEXT_TABLES, LABELS)}
    gone = _gone_conversations(before, removals)
    parts = [_diff_table(table, before, new, gone) for table in TEXT_TABLES]
    parts.append(_diff_labels(before["labels"], new["labels"], before, gone))
    counted = pl.concat(parts).group_by(_COUNTED).agg(n_rows=pl.len().cast(pl.Int64)).sort(_COUNTED)
    _assert_row_law(counted, before, new)
    return counted.select(CHANGES.columns)


def has_changes(changes: pl.DataFrame) -> bool:
    """Whether anything differs."""
    return bool(changes.filter(pl.col("change") != "unchanged")["n_rows"].sum())


def removed_share(changes: pl.DataFrame, *, withdrawn_too: bool = False) -> float:
    """Return the share of the parent's conversations that are gone, withdrawals aside by default."""
    rows = changes.filter(pl.col("scope") == "conversations")
    before = int(rows.filter(pl.col("change") != "added")["n_rows"].sum())
    removed = rows.filter(pl.col("change") == "removed")
    if not withdrawn_too:
        removed = removed.filter(pl.col("reason") != "withdrawn")
    return int(removed["n_rows"].sum()) / before if before else 0.0


def _gone_conversations(before: Mapping[str, pl.DataFrame], removals: Removals) -> pl.DataFrame:
    """conversation_id, participant_id and why (string) of the parent's conversations."""
    return before["conversations"].select(
        "conversation_id",
        "participant_id",
        why=pl.when(pl.col("participant_id").is_in(list(removals.withdrawn)))
        .then(pl.lit("withdrawn"))
        .when(pl.col("conversation_id").is_in(list(removals.private)))
        .then(pl.lit("privacy"))
        .otherwise(pl.lit("")),
    )


def _diff_table(
    table: Table, before: Mapping[str, pl.DataFrame], after: Mapping[str, pl.DataFrame], gone: pl.DataFrame
) -> pl.DataFrame:
    key = table.primary_key[0]
    left = _digest_rows(table, before[table.name], before["labels"]).with_columns(
        why=_reasons(table.name, before[table.name], gone)
    )
    right = _digest_rows(table, after[table.name], after["labels"])
    both = _join(left, right, [key], table.name)
    is_changed = [pl.col(c) != pl.col(f"{c}_right") for c in ("_text", "_metadata", "_labels")]
    more_redacted = pl.col("_redactions_right") > pl.col("_redactions")
    return both.select(
        scope=pl.lit(table.name),
        change=pl.when(pl.col("_new").is_null())
        .then(pl.lit("removed"))
        .when(pl.col("_old").is_null())
        .then(pl.lit("added"))
        .when(pl.any_horizontal(is_changed))
        .then(pl.lit("changed"))
        .otherwise(pl.lit("unchanged")),
        reason=pl.when(pl.col("_new").is_null())
        .then(pl.col("why"))
        .when(pl.col("_old").is_null())
        .then(pl.lit(""))
        .when(is_changed[0] & more_redacted)
        .then(pl.lit("privacy"))
        .when(is_changed[0])
        .then(pl.lit("text"))
        .when(is_changed[1])
        .then(pl.lit("metadata"))
        .when(is_changed[2])
        .then(pl.lit("labels"))
        .otherwise(pl.lit("")),
        from_value=pl.lit(""),
        to_value=pl.lit(""),
    )


def _digest_rows(table: Table, frame: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Key, and what is compared: text and metadata as structs' JSON, labels as a joined string."""
    key = table.primary_key[0]
    text = [c for c in table.free_text if c in frame.columns]
    # how much was masked follows from the text, it is no difference of its own
    rest = [c for c in frame.columns if c not in {key, *text, "n_redactions"}]
    redactions = pl.col("n_redactions") if "n_redactions" in frame.columns else pl.lit(0, pl.Int32)
    digested = frame.select(
        key,
        _text=pl.struct(text).struct.json_encode() if text else pl.lit(""),
        _metadata=pl.struct(rest).struct.json_encode(),
        _redactions=redactions,
    )
    wanted = labels.filter(pl.col("facet").is_in(_FACETS_OF.get(table.name, ())))
    joined = wanted.group_by("item_id").agg(_labels=pl.col("value").sort().str.join("\n"))
    return digested.join(
        joined, left_on=key, right_on="item_id", how="left", maintain_order="left"
    ).with_columns(pl.col("_labels").fill_null(""))


def _reasons(name: str, frame: pl.DataFrame, gone: pl.DataFrame) -> pl.Series:
    if name == "participants":
        by_person = gone.group_by("participant_id").agg(
            why=pl.when((pl.col("why") == "withdrawn").any())
            .then(pl.lit("withdrawn"))
            .otherwise(pl.lit(""))
            .first()
        )
        joined = frame.join(by_person, on="participant_id", how="left", maintain_order="left")
    else:
        joined = frame.join(
            gone.select("conversation_id", "why"), on="conversation_id", how="left", maintain_order="left"
        )
    return joined["why"].fill_null("")


def _join(left: pl.DataFrame, right: pl.DataFrame, key: list[str], name: str) -> pl.DataFrame:
    for frame in (left, right):
        if frame.select(key).is_duplicated().any():
            raise DataError(f"table {name}: a key occurs twice, the difference cannot be computed")
    return left.with_columns(_old=True).join(
        right.with_columns(_new=True), on=key, how="full", coalesce=True, suffix="_right"
    )


def _diff_labels(
    before: pl.DataFrame, after: pl.DataFrame, tables: Mapping[str, pl.DataFrame], gone: pl.DataFrame
) -> pl.DataFrame:
    """One row a label: the flow from the old value of an item to the new one.

    An item with several values (topics) that lost exactly one and gained exactly one has moved.
    """
    key = ["item_id", "facet", "value"]
    both = _join(before.select(key), after.select(key), key, "labels")
    same = both.filter(pl.col("_old").is_not_null(), pl.col("_new").is_not_null())
    lost = both.filter(pl.col("_new").is_null()).select(*key)
    gained = both.filter(pl.col("_old").is_null()).select(*key)
    single = ["item_id", "facet"]
    moved = _alone(lost, single).join(
        _alone(gained, single), on=single, suffix="_to", how="inner", maintain_order="left"
    )
    item_why = _item_reasons(tables, gone)
    removed = lost.join(moved, on=single, how="anti").join(item_why, on="item_id", how="left")
    added = gained.join(moved, on=single, how="anti")
    empty = pl.lit("")
    return pl.concat(
        [
            _flow(same, "unchanged", empty, pl.col("value"), pl.col("value")),
            _flow(moved, "changed", pl.lit("labels"), pl.col("value"), pl.col("value_to")),
            _flow(removed, "removed", pl.col("why").fill_null(""), pl.col("value"), empty),
            _flow(added, "added", empty, empty, pl.col("value")),
        ]
    )


def _alone(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    return frame.filter(pl.len().over(key) == 1)


def _flow(frame: pl.DataFrame, change: str, reason: pl.Expr, old: pl.Expr, new: pl.Expr) -> pl.DataFrame:
    return frame.select(
        scope=pl.format("labels.{}", pl.col("facet")),
        change=pl.lit(change),
        reason=reason,
        from_value=old,
        to_value=new,
    )


def _item_reasons(tables: Mapping[str, pl.DataFrame], gone: pl.DataFrame) -> pl.DataFrame:
    why = gone.filter(pl.col("why") != "").select("conversation_id", "why")
    items = [
        tables["messages"].select(item_id="message_id", conversation_id="conversation_id"),
        tables["thoughts"].select(item_id="thought_id", conversation_id="conversation_id"),
        why.select(item_id="conversation_id", conversation_id="conversation_id"),
    ]
    return pl.concat(items).join(why, on="conversation_id").select("item_id", "why")


def _assert_row_law(
    changes: pl.DataFrame, before: Mapping[str, pl.DataFrame], after: Mapping[str, pl.DataFrame]
) -> None:
    def count(scope: str, *kinds: str) -> int:
        rows = changes.filter(pl.col("scope") == scope, pl.col("change").is_in(kinds))
        return int(rows["n_rows"].sum())

    def of(tables: Mapping[str, pl.DataFrame], scope: str) -> int:
        name, _, facet = scope.partition(".")
        frame = tables[name]
        return frame.filter(pl.col("facet") == facet).height if facet else frame.height

    for scope in (*(t.name for t in TEXT_TABLES), *(f"labels.{f}" for f in FACETS)):
        now = count(scope, "added", "changed", "unchanged")
        then = count(scope, "removed", "changed", "unchanged")
        if now != of(after, scope) or then != of(before, scope):
            raise DataError(
                f"changes of {scope} do not add up: {then} of {of(before, scope)} rows before, "
                f"{now} of {of(after, scope)} now"
            )
