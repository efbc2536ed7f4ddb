"""Every error that a person may see, with its exit code.

A message holds ids, counts, places and the next step; never conversation text.
Exit codes: 1 the data failed a gate or a check, 2 bad usage, input or conflict,
3 an outside service failed.
"""

from __future__ import annotations


class ThoughttraceError(Exception):
    """Base of all expected errors; the command line prints the message and exits with `exit_code`."""

    exit_code = 1


class DataError(ThoughttraceError):
    """The data failed a check: a quarantine limit, a row law, a schema."""

    exit_code = 1


class GateError(DataError):
    """The release gate found a critical difference or a privacy failure."""


class VerificationError(DataError):
    """A published file is missing, altered or inconsistent with its manifest."""


class ReviewPendingError(DataError):
    """Undecided review items block the run (`--review block`)."""


class InternalError(ThoughttraceError):
    """Something nobody foresaw; the message names the kind of error only, for the text may quote data."""


class UsageError(ThoughttraceError):
    """A flag, setting or argument that cannot be used as given."""

    exit_code = 2


class ConfigError(UsageError):
    """An unknown key or a value of the wrong type in a settings file, the environment or a flag."""


class KeyMissingError(UsageError):
    """The id key is missing, too short, or not the one that the registry was made with."""


class InputError(UsageError):
    """An export that cannot be read at all: missing, unreadable, unknown dialect, damaged archive."""


class StoreAccessError(UsageError):
    """A folder given as the store, in which this account may not do what the command does."""


class NotFoundError(UsageError):
    """A release, candidate or file that is not in the store."""


class ConflictError(UsageError):
    """Something with this name exists already with another content."""


class ReleaseExistsError(ConflictError):
    """The version is published already, by another run."""


class StaleCandidateError(ConflictError):
    """The candidate was staged against a release that is no longer the latest."""


class StoreConditionsError(ConflictError):
    """The store ignores conditional writes, so two publishers could both win."""


class TaxonomyError(UsageError):
    """A taxonomy file that is inconsistent, or whose changes do not explain its difference."""


class BudgetError(UsageError):
    """The planned cost exceeds the budget, or the price of a model is unknown."""


class ServiceError(ThoughttraceError):
    """An outside service (object store, model provider, Prefect server) failed."""

    exit_code = 3


class StorageError(ServiceError):
    """A disk or file system failed: full, read-only, gone."""


class StoreUnavailableError(ServiceError):
    """The object store cannot be reached, or refuses our credentials."""


class ProviderError(ServiceError):
    """A model provider failed for good; what was paid for is kept, the same command resumes."""
