"""Labels to look at: listed, decided, taken back, out to a sheet and in again; people win and become gold."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.cli import app as cli
from schemas.config import TagSettings
from schemas.taxonomies import load_taxonomies
from tasks.storage.local import LocalStore
from tasks.tag.gold import find_gold, index_gold, load_decisions, load_gold
from tasks.tag.items import collect_items
from tasks.tag.queue import QUEUE, save_queue
from tasks.tag.stage import tag_release

TAXONOMIES = load_taxonomies()
CID = "user1_task1_conversation1"
NO_LABELS = pl.DataFrame(schema={"item_id": pl.String, "facet": pl.String, "value": pl.String})


def tables() -> dict[str, pl.DataFrame]:
    texts = ["How do I dry sage?", "Hang it up.", "For how long, then?", "Two weeks."]
    notes = ["=1+1 zebra", "Hm, fine but short", "zebra again, perhaps", "Quite unclear to me"]
    messages, thoughts = [], []
    for p, (text, note) in enumerate(zip(texts, notes, strict=True)):
        mid, role, kind = f"{CID}_message{p}", ("user", "assistant")[p % 2], ("reason", "reaction")[p % 2]
        messages.append((mid, CID, p, role, text))
        thoughts.append((f"{mid}_{kind}0", CID, mid, kind, note))
    return {
        "conversations": pl.DataFrame({"conversation_id": [CID], "n_messages": [4]}),
        "messages": pl.DataFrame(
            messages,
            schema=["message_id", "conversation_id", "position", "role", "content"],
            orient="row",
        ),
        "thoughts": pl.DataFrame(
            thoughts,
            schema=["thought_id", "conversation_id", "message_id", "kind", "content"],
            orient="row",
        ),
    }


def label(private: LocalStore):
    return tag_release(
        **tables(),
        export_labels=NO_LABELS,
        taxonomies=TAXONOMIES,
        settings=TagSettings(model="lexical"),
        gold=load_gold(private, TAXONOMIES).gold,
        human_labels=load_decisions(private)[0],
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def private(tmp_path) -> LocalStore:
    store = LocalStore(tmp_path / "store" / "private")
    queue = label(store).review
    # every thought and the topic are in doubt here
    assert {"topic", "reason", "reaction"} <= set(queue["facet"])
    save_queue(store, queue)
    return store


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, private):
    cli.register_commands()

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        given = ["thoughttrace", "review", command, "--kind", "labels", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", [*given, "--store", str(tmp_path / "store")])
        code = cli.run(debug=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def ask(run, *arguments) -> dict:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_label_is_accepted_rejected_and_taken_back(run, private) -> None:
    found = ask(run, "list")
    assert found["n_open"] == len(found["items"]) == sum(found["open_by_type"].values())
    assert "text" not in found["items"][0]
    assert ask(run, "list", "--with-text", "--type", "topic")["items"][0]["text"]
    right = next(i for i in found["items"] if i["facet"] == "reaction" and i["second_value"])
    wrong = next(i for i in found["items"] if i["facet"] == "reason" and i["second_value"])
    assert ask(run, "accept", right["id"], "--by", "ada")["n_decided"] == 1
    told = ask(run, "reject", wrong["id"], "--by", "ada")
    assert (told["n_open"], told["n_decisions"]) == (found["n_open"] - 2, 2)
    labels = label(private).labels
    human = labels.filter(pl.col("source") == "human").select("item_id", "value", "labeller").rows()
    assert set(human) == {(right["id"], right["value"], "ada"), (wrong["id"], wrong["second_value"], "ada")}
    gold = load_gold(private, TAXONOMIES).gold
    item = next(i for i in collect_items(**tables())["reason"] if i.item_id == wrong["id"])
    assert find_gold(index_gold(gold), "reason", item) == {wrong["second_value"]}
    told = ask(run, "undo", wrong["id"])
    assert (told["n_open"], told["n_decisions"]) == (found["n_open"] - 1, 1)
    assert label(private).counts["reason"]["labelled_human"] == 0
    assert {g.facet for g in load_gold(private, TAXONOMIES).gold} == {"reaction"}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_sheet_goes_out_and_comes_back(run, private, tmp_path, form) -> None:
    sheet = tmp_path / f"sheet.{form}"
    n = ask(run, "export", sheet)["n_questions"]
    text = sheet.read_text()
    rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else [*map(json.loads, text.splitlines())]
    assert len(rows) == n
    assert any("zebra" in r["text"] for r in rows)
    assert form == "jsonl" or not any(r["text"].startswith("=") for r in rows)
    answers = {"topic": "Food & Dining; sports", "reason": "Task Continuation", "reaction": "scope_fit"}
    for row in rows:
        row["decision"] = answers.get(row["facet"])
    n_answered = sum(bool(r["decision"]) for r in rows)
    filled = tmp_path / f"filled.{form}"
    if form == "csv":
        with filled.open("w", newline="") as sink:
            writer = csv.DictWriter(sink, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        filled.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert ask(run, "import", filled, "--by", "grace")["n_decided"] == n_answered
    # the same sheet again says nothing new
    told = ask(run, "import", filled, "--by", "grace")
    assert (told["n_decided"], told["n_decisions"]) == (0, n_answered)
    labels = label(private).labels.filter(pl.col("source") == "human")
    topic = labels.filter(pl.col("facet") == "topic")["value"].to_list()
    assert set(topic) == {"food_dining", "sports", "culture_lifestyle", "arts_entertainment"}
    assert labels["labeller"].unique().to_list() == ["grace"]
    assert len(load_gold(private, TAXONOMIES).gold) == n_answered + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["accept"], "nothing chosen"),
        (["accept", "user9"], "not in the review queue"),
        (["accept", CID[:4]], "fits"),
        (["accept", "--type", "mood"], "no such facet"),
    ],
)
def test_a_choice_that_means_nothing_is_refused(run, arguments, message) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err


def test_decisions_on_unknown_items_are_refused_by_name(run, tmp_path) -> None:
    sheet = tmp_path / "sheet.jsonl"
    sheet.write_text('{"item_id": "user7_x", "facet": "reason", "decision": "task_motivation"}\n')
    code, _, err = run("import", sheet)
    assert (code, "first user7_x" in err) == (2, True)


def test_an_empty_store_has_nothing_open(run, private, tmp_path) -> None:
    private.delete(QUEUE)
    assert ask(run, "list")["n_open"] == 0
    assert "nothing is open" in run("list")[1]
    assert not list(Path(tmp_path).rglob("gold/*"))
