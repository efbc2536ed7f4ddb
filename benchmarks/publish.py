"""How fast a release is published to an object store, and how much memory staging and publishing take.

`python -m benchmarks.publish throughput [GB [ROUNDS]]`: a candidate with shards of that size, and views as large
again, to SeaweedFS on loopback, by our publisher and by bare `s3fs.put`, in both orders; the ratio of the
medians. `SERVER_MEMORY` is the memory that the server aims at (2GiB).
`python -m benchmarks.publish memory [GB]`: peak anonymous memory of staging a release with shards of that
size (and views as large again) from Parquet files, and of publishing it, each in a process of its own.
`python -m benchmarks.publish unchanged`: publish the same rows again; shards uploaded, seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from schemas.manifest import ReleaseInfo
from tasks.publish.candidate import list_candidates
from tasks.publish.publish import publish_candidate
from tasks.publish.releases import load_release, read_manifest
from tasks.publish.staged import WriteSettings
from tasks.publish.staging import stage_candidate
from tasks.storage.store import open_store
from tests.release_tables import make_tables, make_views
from tests.storage_servers import BUCKET, PUBLISHER, S3Server, seaweed

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE = 400


def write_tables(folder: Path, n_bytes: int) -> dict[str, Path]:
    """Base tables of about this size on disk: one small corpus repeated under new ids, texts that do not pack."""
    tables = make_tables(range(PEOPLE))
    n_messages = tables["messages"].height
    rng = np.random.default_rng(1)
    copies = max(1, round(n_bytes / (n_messages * 8_000)))
    paths: dict[str, Path] = {}
    for name, frame in tables.items():
        paths[name] = folder / f"{name}.parquet"
        if name in ("changes", "funnel", "quarantine_summary"):
            frame.write_parquet(paths[name])
            continue
        ids = [c for c in frame.columns if c.endswith("_id")]
        parts = folder / name
        parts.mkdir()
        for copy in range(copies):
            renamed = frame.with_columns(
                pl.col(c).str.replace(r"^user(\d+)", f"user{copy + 1}x${{1}}") for c in ids
            )
            if name == "messages":
                # 10,667 hex-like characters hold 8,000 bytes of entropy
                noise = rng.integers(48, 112, size=(renamed.height, 10_667), dtype=np.uint8)
                renamed = renamed.with_columns(
                    content=pl.Series([row.tobytes().decode("ascii") for row in noise])
                )
            renamed.write_parquet(parts / f"{copy:05d}.parquet", compression="lz4")
        pl.scan_parquet(parts / "*.parquet").sink_parquet(
            paths[name], compression="lz4", row_group_size=20_000
        )
        shutil.rmtree(parts)
    return paths


def stage_files(uri: str, paths: dict[str, Path], scratch: Path) -> str:
    """Stage the tables as v1.0.0 and return the candidate's id."""
    store = open_store(uri)
    candidate = stage_candidate(
        store,
        store.child("private"),
        version="v1.0.0",
        parent=None,
        tables=paths,
        build_views=make_views,
        side_files={"README.md": b"# benchmark\n"},
        info=ReleaseInfo(),
        now=NOW,
        settings=WriteSettings(zstd_level=1),
        scratch=scratch,
    )
    return candidate.candidate_id


def publish(uri: str, candidate_id: str, private: str = "") -> None:
    """Publish a candidate."""
    store = open_store(uri)
    publish_candidate(
        store,
        open_store(private) if private else store.child("private"),
        candidate_id,
        publish_id="benchmark",
        approved_by="benchmark",
        now=NOW,
    )


def peak_memory(work, *arguments: object) -> tuple[float, float]:
    """Run in a fresh process; return its peak anonymous memory in MB and its seconds."""
    context = multiprocessing.get_context("spawn")
    began = time.monotonic()
    process = context.Process(target=work, args=arguments)
    process.start()
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                return
            for line in status.splitlines():
                if line.startswith("RssAnon"):
                    peak = max(peak, int(line.split()[1]))

    thread = threading.Thread(target=watch)
    thread.start()
    process.join()
    done.set()
    thread.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} ended with {process.exitcode}")
    return peak / 1024, time.monotonic() - began


def measure_memory(gigabytes: float, folder: Path, server: S3Server) -> dict[str, object]:
    """Stage a release of this size in a folder and publish it to the server."""
    paths = write_tables(folder, int(gigabytes * 1e9))
    store = str(folder / "store")
    stage_mb, stage_s = peak_memory(stage_files, store, paths, folder)
    [candidate] = list_candidates(open_store(store).child("private"))
    uri = server.new_uri()
    publish_mb, publish_s = peak_memory(publish, uri, candidate.candidate_id, f"{store}/private")
    files = read_manifest(open_store(uri), "v1.0.0")[0].data_files()
    return {
        "gb": round(sum(f.n_bytes for f in files) / 1e9, 2),
        "largest_file_mb": round(max(f.n_bytes for f in files) / 1e6, 1),
        "stage_peak_mb": round(stage_mb),
        "stage_s": round(stage_s, 1),
        "publish_peak_mb": round(publish_mb),
        "publish_s": round(publish_s, 1),
    }


def measure_throughput(
    gigabytes: float, folder: Path, server: S3Server, rounds: int = 4
) -> dict[str, object]:
    """Publish from a local candidate to the server, and put the same files bare, in both orders."""
    import s3fs

    paths = write_tables(folder, int(gigabytes * 1e9))
    private = folder / "private"
    local = str(folder / "store")
    candidate_id = stage_files(local, paths, folder)
    ours: list[float] = []
    bare: list[float] = []
    fs = s3fs.S3FileSystem(
        key=PUBLISHER[0], secret=PUBLISHER[1], client_kwargs={"endpoint_url": server.endpoint}
    )
    files = sorted((Path(local) / "private" / "candidates" / candidate_id / "files").iterdir())
    for number in range(rounds):
        for is_ours in (True, False) if number % 2 else (False, True):
            uri = server.new_uri()
            if is_ours:
                # a publication deletes its candidate
                shutil.rmtree(private, ignore_errors=True)
                shutil.copytree(Path(local) / "private", private, copy_function=os.link)
                ours.append(_publish_timed(uri, candidate_id, str(private)))
            else:
                bare.append(_put_timed(fs, files, uri))
            _forget(server, uri)
    n_bytes = sum(f.stat().st_size for f in Path(local).rglob("files/*"))
    median_ours, median_bare = statistics.median(ours), statistics.median(bare)
    return {
        "gb": round(n_bytes / 1e9, 2),
        "files": len(files),
        "ours_mb_s": round(n_bytes / 1e6 / median_ours, 1),
        "bare_mb_s": round(n_bytes / 1e6 / median_bare, 1),
        "ratio": round(median_bare / median_ours, 2),
        "ours_s": [round(s, 1) for s in ours],
        "bare_s": [round(s, 1) for s in bare],
    }


def _publish_timed(uri: str, candidate_id: str, private: str) -> float:
    began = time.monotonic()
    publish(uri, candidate_id, private)
    return time.monotonic() - began


def _put_timed(fs, files: list[Path], uri: str) -> float:
    """The same files by bare s3fs."""
    began = time.monotonic()
    targets = [f"{uri}/{f.name}" for f in files]
    fs.put([str(f) for f in files], targets, chunksize=64 << 20)
    return time.monotonic() - began


def _forget(server: S3Server, uri: str) -> None:
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    client = server.client()
    while contents := client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents"):
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": o["Key"]} for o in contents]})


def measure_unchanged(folder: Path) -> dict[str, object]:
    """Publish 10,000 conversations, then the same rows again with another page beside them."""
    store = open_store(str(folder / "store"))
    private = store.child("private")
    tables = make_tables(range(5_000), n_words=40)
    seconds = 0.0
    for version, parent in (("v1.0.0", None), ("v1.0.1", "v1.0.0")):
        began = time.monotonic()
        candidate = stage_candidate(
            store,
            private,
            version=version,
            parent=parent,
            tables=tables,
            build_views=make_views,
            side_files={"README.md": version.encode()},
            info=ReleaseInfo(),
            now=NOW,
        )
        publish(store.uri, candidate.candidate_id)
        seconds = time.monotonic() - began
    shards = [
        {f.path for t in read_manifest(store, v)[0].tables.values() for f in t.files}
        for v in ("v1.0.0", "v1.0.1")
    ]
    n = load_release(store)[1]["conversations"].height
    return {
        "conversations": n,
        "new_shards": len(shards[1] - shards[0]),
        "stage_and_publish_s": round(seconds, 2),
    }


def main() -> None:
    """Run what was asked and print one line of JSON."""
    what, *rest = sys.argv[1:] or ["unchanged"]
    size = float(rest[0]) if rest else 1.0
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        if what == "unchanged":
            print(json.dumps(measure_unchanged(folder)))
            return
        server = seaweed(folder / "weed")
        # the tests keep the server small; here its garbage collector would take half of its time
        server.environ["GOMEMLIMIT"] = os.environ.get("SERVER_MEMORY", "2GiB")
        server.start()
        os.environ.update(server.environment())
        try:
            if what == "memory":
                print(json.dumps(measure_memory(size, folder, server)))
            else:
                print(json.dumps(measure_throughput(size, folder, server, *map(int, rest[1:2]))))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
