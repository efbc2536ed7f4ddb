"""Finding what is known before anything is asked: `python -m benchmarks.tag_known`.

110,000 questions against a memo of a million answers on disk.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.tag_calls import MODEL, NOW, make_calls


def main(n_questions: int = 110_000, n_known: int = 1_000_000) -> None:
    """Find what is known of many questions in a large memo on disk."""
    import polars as pl

    from schemas.config import TagSettings
    from schemas.fields import LABEL_MEMO
    from tasks.memo.labels import LabelMemo
    from tasks.memo.parts import Parts
    from tasks.storage.local import LocalStore
    from tasks.tag.session import Session

    questions = [call.questions[0] for call, _ in make_calls(n_questions)]
    keys = [q.key(MODEL) for q in questions[: n_questions - 10_000]]
    keys += [f"{i:032x}" for i in range(n_known - len(keys))]
    row = dict.fromkeys(LABEL_MEMO.columns) | {"values": ["scope_fit"], "model": MODEL, "labelled_at": NOW}
    rows = pl.DataFrame([row], schema=LABEL_MEMO.polars_schema()).drop("key")
    frame = pl.DataFrame({"key": keys}).join(rows, how="cross").select(LABEL_MEMO.columns)
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        parts = Parts(store, "memo/labels", LABEL_MEMO.polars_schema())
        for start in range(0, n_known, 20_000):
            parts.append(frame[start : start + 20_000])
        session = Session(TagSettings(model=MODEL), LabelMemo(store), NOW)
        wall, cpu = time.perf_counter(), time.process_time()
        known = session.list_known(questions)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{n_questions:,} questions against {n_known:,} answers in {n_known // 20_000} parts: {wall:.2f} s, "
        f"{cpu:.2f} s CPU, {len(known):,} known"
    )


if __name__ == "__main__":
    main()
