"""Data is never code: no pickle is read from a store, no YAML makes objects, no name leaves its folder."""

from __future__ import annotations

import ast
import contextlib
import io
import pickle
import zipfile
from pathlib import Path

import pytest

from schemas.config import IngestSettings
from schemas.errors import ThoughttraceError, UsageError, VerificationError
from tasks.ingest.unpack import unpack
from tasks.publish.gc import find_garbage
from tasks.publish.pull import pull_release
from tasks.publish.releases import list_releases, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import open_store
from tests.publishing import release
from tests.release_tables import NOW

REPO = Path(__file__).parents[2]
SOURCES = [p for top in ("flows", "tasks", "schemas", "deployments") for p in (REPO / top).rglob("*.py")]
FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "unsafe_load", "full_load", "load_all", "extractall", "read_pickle", "mktemp"}


def find_faults(tree: ast.AST):
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (f"imports {n}" for n in names if n.split(".")[0] in FORBIDDEN)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        given = {k.arg: k.value for k in node.keywords}
        if name in CALLS:
            yield f"line {node.lineno}: {name}"
        # only the safe loaders: the standard one, in C or not, and ours that is made from it
        loader = getattr(given.get("Loader"), "id", "")
        if (owner, name) == ("yaml", "load") and loader not in {"loader", "_Loader"}:
            yield f"line {node.lineno}: yaml.load"
        shell = given.get("shell")
        if "allow_pickle" in given or (isinstance(shell, ast.Constant) and shell.value):
            yield f"line {node.lineno}: {list(given)}"


def test_no_source_reads_code_from_data() -> None:
    found = {str(p.relative_to(REPO)): list(find_faults(ast.parse(p.read_text("utf-8")))) for p in SOURCES}
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    "text", ["import pickle", "from joblib import load", "yaml.load(x, Loader=yaml.Loader)", "eval(x)"]
)
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert list(find_faults(ast.parse(text)))


class Bomb:
    """Unpickling it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self):
        return (Path.touch, (self._mark,))


def test_a_planted_pickle_is_never_loaded(tmp_path: Path) -> None:
    mark = tmp_path / "exploded"
    bomb = pickle.dumps(Bomb(mark))
    assert not mark.exists()
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0", range(2))
    # one file of every kind, all at once but for what the others are found by
    kinds = {(i.key.split("/")[0], Path(i.key).suffix): i.key for i in store.list()}
    for n, key in enumerate([*kinds.values(), "private/steps/tag/x/done.json", "private/intents/x.json"]):
        opened = open_store(str(tmp_path / f"copy-{n}"))
        for info in store.list():
            opened.put(info.key, store.get(info.key))
        opened.put(key, bomb)
        for read in (
            lambda s=opened: verify_release(s, "v1.0.0"),
            lambda s=opened: load_release(s),
            lambda s=opened: list_releases(s),
            lambda s=opened, n=n: pull_release(s, "v1.0.0", tmp_path / f"out-{n}"),
            lambda s=opened: find_garbage(s, s.child("private"), grace=NOW - NOW, now=NOW),
        ):
            # any error will do
            with contextlib.suppress(Exception):
                read()
    assert not mark.exists()
    pickle.loads(bomb)
    assert mark.exists(), "the bomb works, so the test can fail"


@pytest.mark.parametrize("name", ["../../evil.jsonl", "/etc/evil.jsonl", "a/../../evil.jsonl"])
def test_zip_members_are_streams_and_never_paths(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, b'{"id": 1}\n')
    packed.seek(0)
    [member] = list(unpack(packed, "x.zip", IngestSettings()))
    assert member.name.startswith("x.zip!")
    assert not list(tmp_path.rglob("*"))
    assert not (tmp_path.parent / "evil.jsonl").exists()


@pytest.mark.parametrize(
    "path", ["releases/v1.0.0/../../../evil", "/tmp/evil", "releases/v1.0.0/a/../../../../evil"]
)
def test_a_manifest_cannot_name_files_outside(path: str, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0", range(2))
    manifest = store.get("releases/v1.0.0/manifest.json")
    old = b"releases/v1.0.0/README.md"
    assert old in manifest
    store.put("releases/v1.0.0/manifest.json", manifest.replace(old, path.encode()))
    before = {p for p in tmp_path.rglob("*") if "out" not in p.parts}
    with pytest.raises((UsageError, VerificationError)):
        pull_release(store, "v1.0.0", tmp_path / "out")
    assert {p for p in tmp_path.rglob("*") if "out" not in p.parts} == before
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("version", ["../v1.0.0", "v1.0.0/../..", "v1.0.0\0", "/etc", "..", "v1.0.0/"])
def test_versions_are_no_paths(version: str, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0", range(2))
    with pytest.raises(ThoughttraceError):
        pull_release(store, version, tmp_path / "out")
