"""Files that cannot be read are refused by name with advice; odd but legal files are read."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile

import pytest
import zstandard

from schemas.errors import InputError
from tests.exports import BUILDERS, flat_study, jsonl, line, published, read_bytes, session

GOOD = jsonl(published(i) for i in range(5))


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\n \n\r\n", "holds no record"),
        (b"\xef\xbb\xbf", "holds no record"),
        (b"[]", "holds no record"),
        (GOOD.decode().encode("utf-16"), "UTF-16 text.*iconv -f UTF-16"),
        (GOOD.decode().encode("utf-16-le"), "UTF-16 text"),
        (GOOD.decode().encode("utf-16-be"), "UTF-16 text"),
        (gzip.compress(GOOD.decode().encode("utf-16")), "UTF-16 text"),
        (b"PAR1" + b"\x00" * 20, "Parquet"),
        (b"BZh91AY&SY", "bzip2 is not read"),
        (gzip.compress(GOOD)[:-40], "damaged or truncated after [0-9]+ unpacked bytes"),
        (gzip.compress(GOOD) + b"junk", "damaged or truncated"),
        (zstandard.compress(GOOD)[:-20], "damaged or truncated"),
        (b"\x28\xb5\x2f\xfd" + b"\x00" * 9, "damaged or truncated"),
        (zipped(("a.jsonl", GOOD))[:-30], "zip archive is damaged"),
        (zipped(("a.jsonl", GOOD)).replace(b"PK\x03\x04", b"PK\x03\x05"), "."),
        (zipped(("notes.txt", b"hello")), "holds no export"),
        (zipped(("a.jsonl", b"")), "a.jsonl: the file holds no record"),
        (zipped(("inner.jsonl.gz", gzip.compress(GOOD))), "inner.jsonl.gz: holds another archive"),
        (gzip.compress(gzip.compress(GOOD)), "holds another archive"),
        (b"[" + line(published(1)) + b",", "array is not closed"),
        (b"[" + line(published(1))[:-9], "array is not closed"),
        (
            b"id,text\n1,hello\n",
            "unknown dialect; none of its first 2 records.*published.*flat-study.*session",
        ),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "unknown dialect"),
        (b'{"conversation_hash": "x", "conversation": []}\n' * 200, "unknown dialect; none of its first 100"),
        (b"\x80\x04\x95pickle", "unknown dialect"),
        (b"<html>\n" * 3, "unknown dialect"),
        (GOOD + line(flat_study(1)), "mixed dialects: line 6 is flat-study.*began as published"),
        (jsonl([session(1), published(1)]), "mixed dialects: line 2 is published"),
    ],
    ids=range(29),
)
def test_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)export0\.jsonl.*{message}") as refused:
        read_bytes(data)
    assert "herbs" not in str(refused.value)


@pytest.mark.parametrize("dialect", BUILDERS)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: jsonl(rows),
        lambda rows: b"\xef\xbb\xbf" + jsonl(rows),
        lambda rows: jsonl(rows).replace(b"\n", b"\r\n"),
        lambda rows: jsonl(rows).removesuffix(b"\n"),
        lambda rows: b"\n\n" + jsonl(rows).replace(b"\n", b"\n \n"),
        lambda rows: json.dumps(rows).encode(),
        lambda rows: json.dumps(rows, indent=2, ensure_ascii=False).encode(),
        lambda rows: b"\n".join(json.dumps(r, indent="\t").encode() for r in rows),
        lambda rows: gzip.compress(jsonl(rows)),
        lambda rows: gzip.compress(jsonl(rows[:2])) + gzip.compress(jsonl(rows[2:])),
        lambda rows: zstandard.compress(jsonl(rows)),
        lambda rows: zipped(
            ("b.jsonl", jsonl(rows[2:])),
            ("x/../a.json", json.dumps(rows[:2]).encode()),
            ("__MACOSX/._a", b"x"),
        ),
    ],
    ids=[
        "jsonl",
        "bom",
        "crlf",
        "no end",
        "blanks",
        "array",
        "pretty array",
        "pretty objects",
        "gzip",
        "gzip members",
        "zstd",
        "zip",
    ],
)
def test_every_packing_and_layout_gives_the_same_rows(dialect: str, wrap) -> None:
    records = [BUILDERS[dialect](i) for i in range(4)]
    plain = read_bytes(jsonl(records))
    read = read_bytes(wrap(records), names=["export.dat"])
    assert read.reader.quarantine.height == 0
    assert set(read.reader.dialects) == {dialect}
    for name in ("conversations", "messages", "thoughts"):
        where = ["file", "file_sha256", "line", "byte_offset", "n_bytes", "line_sha256"]
        expected, table = (
            r.table(name).drop(where, strict=False).sort("conversation_key", maintain_order=True)
            for r in (plain, read)
        )
        assert table.equals(expected)


def test_places_lead_back_to_the_bytes() -> None:
    records = [published(i, task_summary="über\n🌿") for i in range(40)]
    for data in (b"\xef\xbb\xbf" + jsonl(records), json.dumps(records, indent=1).encode()):
        rows = read_bytes(data).table("conversations")
        for source_id, offset, n, number in rows["source_id", "byte_offset", "n_bytes", "line"].rows():
            assert json.loads(data[offset : offset + n])["id"] == source_id
            assert data[:offset].count(b"\n") == number - 1


def test_an_archive_bomb_is_refused_by_ratio_and_by_size() -> None:
    bomb = gzip.compress(b" " * 40_000_000)
    with pytest.raises(InputError, match="200 times its size"):
        read_bytes(bomb)
    with pytest.raises(InputError, match=r"more than 0\.001 GB"):
        read_bytes(gzip.compress(jsonl(published(i) for i in range(1_000))), max_unpacked_gb=0.001)


def test_a_huge_line_is_quarantined_without_holding_it() -> None:
    class Huge(io.RawIOBase):
        """Two records around a line of 200 MB that exists nowhere."""

        def __init__(self) -> None:
            self.parts = [line(published(1)) + b"\n", *([b"x" * 1_000_000] * 200), b"\n" + line(published(2))]

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            if not self.parts:
                return 0
            part = self.parts.pop(0)
            if len(part) > len(buffer):
                self.parts.insert(0, part[len(buffer) :])
                part = part[: len(buffer)]
            buffer[: len(part)] = part
            return len(part)

    from tasks.ingest.records import split_records

    tracemalloc.start()
    records = [
        (r.line, r.n_bytes, r.data is None) for r in split_records(io.BufferedReader(Huge()), "x", 2_000_000)
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(n, huge) for n, _, huge in records] == [(1, False), (2, True), (3, False)]
    assert records[1][1] == 200_000_000
    assert peak < 30_000_000


@pytest.mark.parametrize("layout", ["lines", "array"])
def test_a_long_record_is_quarantined_by_the_limit(layout: str) -> None:
    long = published(2, task_summary="y" * 1_500_000)
    records = [published(1), long, published(3)]
    data = jsonl(records) if layout == "lines" else json.dumps(records).encode()
    read = read_bytes(data, max_line_mb=1)
    assert [(p, rule) for _, p, rule in read.found] == [("", "line.too_long")]
    assert read.table("conversations")["source_id"].to_list() == [published(i)["id"] for i in (1, 3)]


def test_the_same_conversation_again_is_removed_and_another_under_its_id_quarantined() -> None:
    pretty = json.dumps([published(1), published(2)], indent=1, sort_keys=True).encode()
    other = jsonl([published(3), published(1, task_summary="Something else")])
    read = read_bytes(GOOD, pretty, other)
    assert (read.reader.n_conversations, read.reader.n_duplicates, read.reader.n_quarantined) == (9, 3, 1)
    assert read.found == [(2, "", "conversation.duplicate_id")]
    assert read.reader.counted["conversation.duplicate"] == 3
    assert read.table("conversations").height == 5


def test_dialects_may_differ_between_files_and_ids_are_theirs() -> None:
    read = read_bytes(jsonl([published(0)]), jsonl([flat_study(0)]), jsonl([session(0)]))
    assert read.reader.dialects == {"published": 1, "flat-study": 1, "session": 2}
    keys = read.table("conversations").select("conversation_key", "participant_key", "recruitment_id").rows()
    recruitment = "5f0c1e2d3b4a596877000000"
    assert keys == [
        ("published:user0_task1_conversation1", "published:user0", None),
        ("flat-study:user0_task0_conversation0", "flat-study:user0", None),
        (f"session:{session(0)['session_id']}/task1/conversation1", f"session:{recruitment}", recruitment),
        (f"session:{session(0)['session_id']}/task2/conversation1", f"session:{recruitment}", recruitment),
    ]


def test_feedback_never_leaves_the_parser_and_purposes_are_joined() -> None:
    read = read_bytes(jsonl([flat_study(0)]), jsonl([session(0)]))
    rows = read.table("conversations")
    assert set(rows["survey_purposes"]) == {"Learning; Recipes"}
    assert not any("Loved it" in str(row) for row in rows.rows())


def test_labels_are_written_as_node_ids() -> None:
    record = published(1)
    spellings = [
        "Task Motivation",
        "task-motivation",
        " TASK_MOTIVATION ",
        "Task Motivation & Goal",
        "",
        None,
    ]
    spellings += ["Scope Fit", "nope"]
    thought = record["messages"][0]["reasons"][0]
    record["messages"][0]["reasons"] = [{**thought, "label": s} for s in spellings]
    read = read_bytes(line(record))
    labels = read.table("thoughts").filter(kind="reason")["label"].to_list()
    # what is no reason stays, for the tagging stage to decide
    assert labels == ["task_motivation"] * 4 + [None] * 2 + ["scope_fit", "nope"]
    assert read.reader.counted["label.unknown"] == 2


def test_a_faulty_conversation_of_a_session_leaves_the_others() -> None:
    document = session(1, tasks=3)
    document["tasks"][1]["conversations"][0]["messages"][0]["content"] = ""
    read = read_bytes(line(document))
    assert read.found == [(1, "/tasks/1/conversations/0/messages/0/content", "message.empty")]
    assert read.table("conversations")["task_no"].to_list() == [1, 3]
    assert read.reader.funnel.filter(table_name="conversations").row(0)[2:] == (3, 2, 1, 0)
    assert (
        read.reader.quarantine["conversation_key"][0]
        == f"session:{document['session_id']}/task2/conversation1"
    )


def test_a_session_id_of_another_participant_is_quarantined_whole() -> None:
    first, second = session(1, tasks=1), session(2, tasks=3)
    second["session_id"] = first["session_id"]
    read = read_bytes(jsonl([first, second]))
    assert read.reader.n_quarantined == 3
    assert {rule for *_, rule in read.found} == {"conversation.duplicate_id"}


def test_a_key_that_holds_text_is_not_shown() -> None:
    read = read_bytes(jsonl([published(0), published(1, **{"My name is Ann": 1, "nickname": 2})]))
    assert {p for _, p, _ in read.found} == {"/nickname", "/?"}


def test_a_file_that_is_mostly_bad_stops_early() -> None:
    from schemas.errors import DataError

    with pytest.raises(DataError, match=r"1,000 of 1,001 conversations.*line\.json 1,000"):
        read_bytes(line(published(0)) + b"\n" + b'{"id": \n' * 100_000)
