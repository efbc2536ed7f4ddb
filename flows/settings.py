"""Resolve the settings of a run: defaults, then one file, then the environment, then flags.

Every value knows where it came from (`thoughttrace config show`). An unknown key in any source is an
error that names the source and the nearest known key.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from schemas.config import Settings
from schemas.documents import read_yaml, tell_fault, tell_unread, tell_yaml_fault
from schemas.errors import ConfigError

ENV_PREFIX = "THOUGHTTRACE_"
_SHOWN = 80
NOT_SETTINGS = frozenset({"CONFIG", "ID_KEY", "ID_KEY_FILE", "DEBUG", "CRASH_AT"})
"""Environment names with our prefix that are not settings: the file itself, secrets, switches."""


class _Environment(BaseSettings, Settings):  # pyright: ignore[reportIncompatibleVariableOverride]
    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as `config show` prints it."""

    key: str
    value: Any
    origin: str
    description: str


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """Settings with the origin of every key that is not a default."""

    settings: Settings
    origins: Mapping[str, str]

    def rows(self) -> Iterator[SettingRow]:
        """Every setting in the order of `schemas.config`."""
        for key, description in _describe(Settings):
            value: Any = self.settings
            for part in key.split("."):
                value = getattr(value, part)
            yield SettingRow(key, value, self.origins.get(key, "default"), description)


def resolve_settings(
    config_file: str | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> ResolvedSettings:
    """Merge all sources into validated settings.

    Args:
        config_file: TOML or YAML file; None takes `THOUGHTTRACE_CONFIG`, if set.
        flags: dotted setting name to value; None values are ignored.
        environ: environment to read; None means the process's own.

    Raises:
        ConfigError: a file that cannot be read, an unknown key, or a value of the wrong type.
    """
    environ = os.environ if environ is None else environ
    origins: dict[str, str] = {}
    merged: dict[str, Any] = {}
    path = config_file or environ.get(f"{ENV_PREFIX}CONFIG") or ""
    if path:
        _merge(merged, origins, _flatten(_read_file(Path(path))), lambda _: f"file {path}")
    _merge(merged, origins, _flatten(_read_environment(environ)), _env_name)
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    _merge(merged, origins, given, lambda key: f"flag for {key}")
    try:
        settings = Settings.model_validate(_nest(merged))
    except ValidationError as error:
        raise ConfigError(_explain(error, origins)) from None
    return ResolvedSettings(settings, origins)


def _env_name(key: str) -> str:
    return f"environment {ENV_PREFIX}{key.replace('.', '__').upper()}"


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the settings file {path}: {tell_unread(error)}") from None
    try:
        loaded = tomllib.loads(text) if path.suffix == ".toml" else read_yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        why = tell_yaml_fault(error) if isinstance(error, yaml.YAMLError) else str(error)
        raise ConfigError(f"the settings file {path} is not valid {path.suffix or 'YAML'}: {why}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"the settings file {path} must hold groups of keys, such as `privacy:`")
    return loaded


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    relevant = {name: value for name, value in environ.items() if name.upper().startswith(ENV_PREFIX)}
    known = {key for key, _ in _describe(Settings)}
    for name in relevant:
        key = name.upper().removeprefix(ENV_PREFIX)
        if key in NOT_SETTINGS:
            continue
        dotted = key.lower().replace("__", ".")
        if dotted not in known:
            raise ConfigError(f"environment {name} is not a setting{_suggest(dotted, known)}")
    source = EnvSettingsSource(
        _Environment, env_prefix=ENV_PREFIX, env_nested_delimiter="__", case_sensitive=False
    )
    source.env_vars = {name.lower(): value for name, value in relevant.items()}
    try:
        return source()
    except ValueError as error:
        raise ConfigError(f"environment: {str(error).split(':', maxsplit=1)[0]}") from None


def _describe(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _describe(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""


def _flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{dotted}."))
        else:
            flat[dotted] = value
    return flat


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for dotted, value in flat.items():
        target = nested
        *parents, last = dotted.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise ConfigError(f"`{parent}` is given both as a value and as a group of keys")
        target[last] = value
    return nested


def _merge(
    merged: dict[str, Any], origins: dict[str, str], flat: Mapping[str, Any], origin: Callable[[str], str]
) -> None:
    known = {key for key, _ in _describe(Settings)}
    for key, value in flat.items():
        if key not in known:
            raise ConfigError(f"{origin(key)}: unknown setting `{shorten(key)}`{_suggest(key, known)}")
        merged[key] = value
        origins[key] = origin(key)


def shorten(key: str) -> str:
    """A key as it was written, as far as a message has room for it."""
    return key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"


def _suggest(key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else "; `thoughttrace config show` lists all"


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    # a rule over several keys names their group
    origin = next((o for k, o in origins.items() if key.startswith(k) or k.startswith(f"{key}.")), "settings")
    return f"{origin}: `{key}`: {tell_fault(first['msg'])}"
