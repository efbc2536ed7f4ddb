"""Ids and names that people, exports and browsers give lead to no file outside the place where they belong."""

from __future__ import annotations

import contextlib
import http.client
import sys
import threading
from collections.abc import Iterator

import pytest

from deployments.reports import make_server
from flows.cli import app as cli
from schemas.errors import ThoughttraceError
from tasks.publish.candidate import delete_candidate, read_candidate
from tasks.storage.store import Store, open_store
from tests.exports import BUILDERS, jsonl, read_bytes
from tests.publishing import release, stage

IDS = ["../x", "../../x", "..", ".", "/etc", "a/../../x", "a\\..\\x", "%2e%2e/x", "x\0", "", "~", "*"]
SECRET = "planted-5581"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with a release and a candidate, and what looks like another candidate outside of it."""
    folder = tmp_path_factory.mktemp("names")
    store = open_store(str(folder / "store"))
    release(store, "v1.0.0", range(2))
    candidate = stage(store, "v1.1.0", range(3))
    described = store.get(f"private/candidates/{candidate.candidate_id}/candidate.json")
    for place in (folder / "x", folder / "store/private/x", folder / "store/x"):
        place.mkdir(parents=True)
        (place / "candidate.json").write_bytes(described)
        (place / "report.html").write_text(SECRET)
    return store


@pytest.mark.parametrize("name", IDS)
def test_a_candidate_is_only_where_candidates_are(store: Store, name: str) -> None:
    private, before = store.child("private"), {o.key for o in store.list()}
    with pytest.raises(ThoughttraceError):
        read_candidate(private, name)
    with contextlib.suppress(ThoughttraceError):
        delete_candidate(private, name)
    assert {o.key for o in store.list()} == before


@pytest.mark.parametrize("command", ["approve", "reject", "show", "verify", "yank", "pull"])
def test_commands_take_no_path_for_an_id(store: Store, command: str, monkeypatch, capfd, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    before = {o.key for o in store.list()}
    given = {"yank": ["--why", "x"], "reject": ["--why", "x"], "pull": [str(tmp_path / "out")]}.get(
        command, []
    )
    words = [command, "../x", *given, "--store", store.uri]
    monkeypatch.setattr(sys, "argv", ["thoughttrace", *words])
    cli.register_commands()
    assert cli.run(debug=False) == 2
    said = capfd.readouterr().err
    assert "error: " in said
    assert "Traceback" not in said
    assert {o.key for o in store.list()} == before
    assert not list(tmp_path.rglob("*"))


@pytest.fixture(scope="module")
def port(store: Store) -> Iterator[int]:
    server = make_server(store, store.child("private"), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(5)
    server.server_close()


def ask(port: int, method: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, path, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize(
    "path",
    [
        "/candidates/../x/report.html", "/candidates/%2e%2e/x/report.html", "/candidates/..%2fx/report.html",
        "/releases/../x/report.html", "/releases/v1.0.0/../../x/report.html", "/releases/v1.0.0/%2e%2e/x",
        "/releases/v1.0.0//etc/passwd", "//etc/passwd", "/etc/passwd", "/../../../../etc/passwd", "/private/x/report.html",
        "/x/report.html", "/releases/v1.0.0/manifest.json", "/releases/%00/report.html", "/releases/v1.0.0/", "/", "/candidates//",
    ],
)  # fmt: skip
def test_the_report_server_gives_side_files_only(port: int, path: str) -> None:
    status, body = ask(port, "GET", path)
    assert status == 404
    assert SECRET.encode() not in body
    assert b"root:" not in body
    assert b"Traceback" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_report_server_only_reads(store: Store, port: int, method: str) -> None:
    before = {o.key for o in store.list()}
    assert ask(port, "GET", "/releases/v1.0.0/README.md") == (200, b"# card\n")
    assert ask(port, method, "/releases/v1.0.0/README.md")[0] == 501
    assert {o.key for o in store.list()} == before


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "..\\evil", "a/../evil", "evil\0", "%2e%2e/evil"]
)
@pytest.mark.parametrize(
    ("dialect", "field"),
    [("published", "id"), ("flat-study", "id"), ("flat-study", "conversation_id"), ("session", "session_id")],
)
def test_an_id_that_is_a_path_is_quarantined(dialect: str, field: str, name: str) -> None:
    rows = read_bytes(jsonl([BUILDERS[dialect](0) | {field: name}])).reader.funnel.rows(named=True)
    counts = {row["table_name"]: row for row in rows}
    assert counts["conversations"]["n_out"] == 0 < counts["conversations"]["n_quarantined"]
