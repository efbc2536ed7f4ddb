"""What scrubbing needs of a run: its keys, its scrubber and the memo of texts read before."""

from __future__ import annotations

import gc
import os
import threading
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import polars as pl

from schemas.config import CustomRecognizer, PrivacySettings
from schemas.documents import tell_unread
from schemas.errors import ConfigError
from schemas.fields import SCRUB_DENY, SCRUB_MEMO
from schemas.run import RunContext
from tasks.memo.parts import Parts
from tasks.pseudonymise.keys import Keys, load_master_key
from tasks.pseudonymise.registry_file import load_registry
from tasks.scrub.deny import DENIED_TYPE, DenyList, make_rules, merge_rules, read_values
from tasks.scrub.deny_file import read_rules
from tasks.scrub.detect import Detector
from tasks.scrub.engine import build_detector
from tasks.scrub.review import rules_of
from tasks.scrub.review_file import read_decisions
from tasks.scrub.scrubber import Scrubber
from tasks.storage.store import Store, open_store

MEMO = "memo/scrub"
"""Folder of the span memo in the private store, one folder an engine."""
_loading = threading.Lock()


def load_keys(private: Store) -> Keys:
    """The keys of a private store.

    Raises:
        KeyMissingError: no master key in the environment, or another one than the store was made with.
    """
    return load_registry(private, load_master_key(os.environ)).keys


def open_scrubber(run: RunContext, private: Store, keys: Keys) -> Scrubber:
    """Return the scrubber of a run: its settings, standing decisions and the deny-list.

    Raises:
        ConfigError: a model is missing or altered, or a file that the settings name cannot be read.
    """
    privacy = run.settings.privacy
    detector = load_detector(privacy)
    decisions = rules_of(read_decisions(private))
    deny = DenyList(
        keys.audit, merge_rules(read_rules(private), _read_deny_file(privacy.deny_file, keys, run))
    )
    return Scrubber(privacy, run.policy, keys.audit, decisions=decisions, deny=deny, detector=detector)


def load_detector(privacy: PrivacySettings) -> Detector:
    """Return this process's detector; the first call loads the models.

    Raises:
        ConfigError: see `build_detector`.
    """
    # two threads that come first at once would each load them
    with _loading:
        return _detector(privacy.high_recall, privacy.recognizers)


@lru_cache(maxsize=2)
def _detector(high_recall: bool, recognizers: tuple[CustomRecognizer, ...]) -> Detector:
    # loading the models costs a second, so a process keeps its detector
    detector = build_detector(PrivacySettings(high_recall=high_recall, recognizers=recognizers))
    # and spares the collector the walk through its word lists, again and again
    gc.freeze()
    return detector


def _read_deny_file(path: str, keys: Keys, run: RunContext) -> pl.DataFrame:
    """Rules of the strings that the settings name; the file is read and never stored."""
    if not path:
        return SCRUB_DENY.empty()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"privacy.deny_file: cannot read {path}: {tell_unread(error)}") from None
    values = ((value, DENIED_TYPE, "") for value in read_values(text, path))
    return make_rules(keys.audit, values, source="deny_list", now=run.started_at)


@lru_cache(maxsize=1)
def read_memo(private: str, engine: str, started_at: datetime) -> pl.DataFrame:
    """Return the memo as the run found it, read once a process; what its own shards add is theirs alone."""
    del started_at  # only tells one run from the next
    return memo_parts(open_store(private), engine).read()


def memo_parts(private: Store, engine: str) -> Parts:
    """Return the parts of an engine's memo."""
    return Parts(private, f"{MEMO}/{engine}", SCRUB_MEMO.polars_schema())
