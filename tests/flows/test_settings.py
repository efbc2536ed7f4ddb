"""Settings: precedence, origins, and errors that name the source."""

from __future__ import annotations

import pytest

from flows.settings import resolve_settings
from schemas.config import Settings
from schemas.errors import ConfigError


def test_defaults_are_valid_and_described() -> None:
    resolved = resolve_settings(environ={})
    assert resolved.settings == Settings()
    for row in resolved.rows():
        assert row.origin == "default"
        assert row.description.endswith("."), row.key


def test_precedence_is_file_environment_flag(tmp_path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('store = "from-file"\n[privacy]\nk = 7\nmin_cell = 3\n[tag]\nmodel = "none"\n')
    resolved = resolve_settings(
        str(file),
        {"privacy.k": 11, "tag.budget_usd": None},
        {"THOUGHTTRACE_PRIVACY__K": "9", "THOUGHTTRACE_PRIVACY__MIN_CELL": "4", "THOUGHTTRACE_ID_KEY": "x"},
    )
    assert resolved.settings.store == "from-file"
    assert resolved.settings.privacy.k == 11
    assert resolved.settings.privacy.min_cell == 4
    assert resolved.settings.tag.model == "none"
    origins = {row.key: row.origin for row in resolved.rows()}
    assert origins["privacy.min_cell"] == "environment THOUGHTTRACE_PRIVACY__MIN_CELL"
    assert origins["tag.model"] == f"file {file}"
    assert origins["tag.budget_usd"] == "default"


def test_yaml_and_the_config_variable(tmp_path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("privacy:\n  allow: [Contoso, Fabrikam]\n")
    resolved = resolve_settings(environ={"THOUGHTTRACE_CONFIG": str(file)})
    assert resolved.settings.privacy.allow == ("Contoso", "Fabrikam")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("privcy:\n  k: 3\n", "privacy"),
        ("privacy:\n  kk: 3\n", "privacy.k"),
        ("privacy:\n  k: many\n", "privacy.k"),
        ("privacy:\n  k: 0\n", "greater than or equal to 1"),
        ("privacy:\n  drop_sensitive: [helth]\n", "privacy.drop_sensitive"),
        ("privacy:\n  operators: {secret: hide}\n", "'replace', 'mask' or 'drop'"),
        ("privacy:\n  operators: {secrets: drop}\n", "privacy.operators.secret"),
        ("privacy:\n  review_score: 0.7\n", "review_score must not be above mask_score"),
        ("- a\n", "groups of keys"),
        ("a: [1\n", "line"),
    ],
)
def test_faulty_files_name_file_and_key(tmp_path, text, told) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        resolve_settings(str(file), environ={})
    assert told in str(caught.value)
    assert str(file) in str(caught.value)


def test_unknown_environment_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match="THOUGHTTRACE_PRIVCY__K"):
        resolve_settings(environ={"THOUGHTTRACE_PRIVCY__K": "3"})


def test_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        resolve_settings("nowhere.toml", environ={})
