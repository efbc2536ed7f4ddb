"""Show staged and published reports in a browser: what a maintainer reads before approving.

    THOUGHTTRACE_STORE=s3://bucket/prefix python -m deployments.reports --port 4300

Serves `/candidates/<id>/report.html` and `/releases/<version>/report.html` with their figures and side
files, read-only. A candidate is not public: it listens on loopback unless told otherwise, and has no login
of its own (put it behind the proxy that guards the Prefect UI).
"""

from __future__ import annotations

import argparse
import mimetypes
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from schemas.errors import ThoughttraceError

if TYPE_CHECKING:
    from tasks.storage.store import Store


def read_side_file(store: Store, private: Store, path: str) -> bytes | None:
    """Return a side file of a candidate or release; None for anything else.

    Args:
        store: where releases live.
        private: where candidates live.
        path: `candidates/<id>/<name>` or `releases/<version>/<name>`.
    """
    from tasks.publish import layout
    from tasks.publish.candidate import read_candidate
    from tasks.publish.releases import read_manifest

    kind, _, rest = path.partition("/")
    owner, _, name = rest.partition("/")
    if kind == "candidates" and owner.isalnum():
        candidate = read_candidate(private, owner)
        key = layout.side_file(candidate.version, name)
        found = next((f for f in candidate.side_files if f.path == key), None)
        return private.get(layout.candidate_file(owner, found.sha256)) if found else None
    if kind == "releases":
        manifest, _ = read_manifest(store, owner)
        found = next((f for f in manifest.side_files if f.path == layout.side_file(owner, name)), None)
        return store.get(found.path) if found else None
    return None


def make_server(store: Store, private: Store, host: str, port: int) -> ThreadingHTTPServer:
    """Build the server; `serve_forever` runs it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            try:
                data = read_side_file(store, private, path)
            except ThoughttraceError:
                data = None
            if data is None:
                self.send_error(HTTPStatus.NOT_FOUND, "no such report")
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", mimetypes.guess_type(path)[0] or "application/octet-stream")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: one line a request helps nobody here."""

    return ThreadingHTTPServer((host, port), Handler)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m deployments.reports", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4300, help="port to listen on")
    given = parser.parse_args()
    from flows.run import open_run
    from tasks.storage.store import open_store

    run = open_run()
    server = make_server(open_store(run.store), open_store(run.private), given.host, given.port)
    print(f"reports on http://{given.host}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
