"""`report` and `push hf`: the page as a file, the hub as a stub server."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.cli import app as cli
from tasks.publish.yank import yank_release
from tasks.storage.store import Store, open_store
from tests.publishing import SIDE_FILES, release
from tests.release_tables import NOW

PAGE = b"<!doctype html><title>page</title>\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0")
    release(store, "v1.1.0", range(10), side_files={**SIDE_FILES, "report.html": PAGE})
    return store


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thoughttrace", *map(str, arguments)])
        cli.register_commands()
        code = cli.run(debug=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_report_says_where_the_page_is(store: Store, run, tmp_path: Path) -> None:
    code, out, _ = run("report", "latest", "--store", store.uri)
    assert code == 0
    assert Path(out.strip()).read_bytes() == PAGE
    copy = tmp_path / "copies" / "page.html"
    code, out, _ = run("report", "v1.1.0", "--store", store.uri, "--out", copy, "--json")
    assert (code, json.loads(out)["version"], copy.read_bytes()) == (0, "v1.1.0", PAGE)


def test_report_opens_the_browser_only_when_asked(store: Store, run, monkeypatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: shown.append(url) or True)
    run("report", "latest", "--store", store.uri)
    assert shown == []
    run("report", "latest", "--store", store.uri, "--open")
    assert shown[0].startswith("file://")
    assert shown[0].endswith("/v1.1.0/report.html")


def test_report_refuses_what_it_cannot_show(store: Store, run, tmp_path: Path) -> None:
    code, _, err = run("report", "v1.0.0", "--store", store.uri)
    assert (code, "without a report page" in err) == (2, True)
    assert run("report", "v7.0.0", "--store", store.uri)[0] == 2
    assert run("report", "latest", "--store", tmp_path / "none")[0] == 2
    assert run("report", "latest", "--store", store.uri, "--out", tmp_path)[0] == 2
    store.put("releases/v1.1.0/report.html", PAGE + b"<script>alert(1)</script>")
    code, _, err = run("report", "latest", "--store", store.uri, "--open")
    assert (code, "altered" in err) == (1, True)


class Hub(BaseHTTPRequestHandler):
    """The few addresses of the hub's API that an upload uses."""

    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        if self.server.status != 200:
            self.answer({"error": "no"}, self.server.status)
        elif self.path.endswith("/preupload/main"):
            wanted = json.loads(body)["files"]
            self.answer(
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                        for f in wanted
                    ]
                }
            )
        elif "/commit/" in self.path:
            self.answer(
                {
                    "commitOid": "c" * 40,
                    "commitUrl": self.url("/commit/" + "c" * 40),
                    "success": True,
                    "commitMessage": "m",
                }
            )
        else:
            self.answer({"url": self.url(""), "name": "owner/name"})

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization"), b""))
        if "/tree/" in self.path:
            old = [{"type": "file", "path": "messages/part-00009.parquet", "size": 1, "oid": "0" * 40}]
            self.answer(old)
        else:
            names = [{"rfilename": "messages/part-00009.parquet"}, {"rfilename": ".gitattributes"}]
            self.answer(
                {"id": "owner/name", "sha": "0" * 40, "siblings": names, "tags": [], "private": False}
            )

    def url(self, rest: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/datasets/owner/name{rest}"

    def answer(self, document: Any, status: int = 200) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()


def push(
    hub: Any, tmp_path: Path, *arguments: str, token: str = "hf_secrettoken"
) -> subprocess.CompletedProcess[str]:
    # the library reads its settings when it is imported, so it runs in a process of its own
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
    }
    code = "from flows.cli.app import app, run\nfrom flows.cli import report\nreport.register(app)\nimport sys\nsys.exit(run(debug=False))"
    return subprocess.run(
        [sys.executable, "-c", code, "push", "hf", "owner/name", *arguments],
        capture_output=True, text=True, env=environment, timeout=120, cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_push_uploads_one_commit_and_tags_it(store: Store, hub, tmp_path: Path) -> None:
    done = push(hub, tmp_path, "latest", "--store", store.uri, "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("/datasets/owner/name/tree/v1.1.0")
    paths = [path for path, _, _ in hub.asked]
    assert paths.count("/api/datasets/owner/name/commit/main") == 1
    assert "/api/datasets/owner/name/tag/main" in paths or any("/tag/" in p for p in paths)
    lines = [json.loads(x) for p, _, b in hub.asked if "/commit/" in p for x in b.splitlines()]
    files = {x["value"]["path"]: base64.b64decode(x["value"]["content"]) for x in lines if x["key"] == "file"}
    assert files["report.html"] == PAGE
    assert files["README.md"] == SIDE_FILES["README.md"]
    assert any(name.startswith("messages/part-") for name in files)
    assert not any("private" in name or "shards" in name for name in files)
    deleted = {x["value"]["path"] for x in lines if x["key"] == "deletedFile"}
    assert deleted == {"messages/part-00009.parquet"}
    assert "hf_secrettoken" not in done.stdout + done.stderr


def test_push_asks_first_and_refuses_a_yanked_release(store: Store, hub, tmp_path: Path) -> None:
    assert push(hub, tmp_path, "latest", "--store", store.uri).returncode != 0
    yank_release(store, "v1.1.0", why="a leak", now=NOW)
    done = push(hub, tmp_path, "v1.1.0", "--store", store.uri, "--yes")
    assert (done.returncode, "is yanked" in done.stderr) == (2, True)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, 3, "check HF_TOKEN"),
        (403, 3, "check HF_TOKEN"),
        (412, 2, "somebody else wrote to it"),
        (500, 3, "push again later"),
    ],
)
def test_push_names_the_hubs_refusal(
    store: Store, hub, tmp_path: Path, status: int, code: int, words: str
) -> None:
    hub.status = status
    done = push(hub, tmp_path, "latest", "--store", store.uri, "--yes")
    assert (done.returncode, str(status) in done.stderr, words in done.stderr) == (code, True, True), (
        done.stderr
    )
    assert "Traceback" not in done.stderr
    assert "hf_secrettoken" not in done.stdout + done.stderr


def test_push_without_a_token_or_a_hub_says_so(store: Store, hub, tmp_path: Path) -> None:
    done = push(hub, tmp_path, "latest", "--store", store.uri, "--yes", token="")
    assert (done.returncode, "set HF_TOKEN" in done.stderr) == (2, True), done.stderr
    assert hub.asked == []
    hub.shutdown()
    hub.server_close()
    done = push(hub, tmp_path, "latest", "--store", store.uri, "--yes")
    assert (done.returncode, "could not be reached" in done.stderr) == (3, True), done.stderr


def test_a_dry_run_asks_the_hub_nothing(store: Store, run, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a dry run uploads nothing")

    monkeypatch.setattr("tasks.report.hub.upload_release", refuse)
    code, out, err = run("push", "hf", "owner/name", "latest", "--store", store.uri, "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, plan["version"]) == (0, "v1.1.0")
    assert {"report.html", "README.md"} <= set(plan["files"])
    assert not any("private" in name or "shards" in name for name in plan["files"])
    code, out, err = run("push", "hf", "owner/name", "latest", "--store", store.uri, "--dry-run")
    assert (code, "nothing was sent" in err, "report.html" in out.split()) == (0, True, True)
