"""What a person is told about a document that is not read: the place, and nothing of its text."""

from __future__ import annotations

import pytest
import yaml
from pydantic import BaseModel, ValidationError, field_validator

from flows.settings import resolve_settings
from schemas.documents import read_yaml, tell_faults, tell_yaml_fault
from schemas.errors import ConfigError, TaxonomyError
from schemas.taxonomies import load_taxonomy, read_taxonomy
from tasks.gate.policy import load_policy, parse_policy

NOT_YAML = [
    ("a: [1,\nhunter2: }", "line 2, column 10"),
    ("a: b: hunter2", "line 1, column 5: mapping values are not allowed here"),
    ("x: 1\na: !hunter2 {}", "line 2, column 4"),
    ("a: !hunter2!x {}", "line 1, column 4"),
    ("a: &hunter2 1\nb: &hunter2 2", "line 2, column 4: second occurrence"),
    ("a: &hunter2 1\nb: *hunter2", "line 2: aliases"),
    ("a: 'hunter2", "line 1, column 12: found unexpected end of stream"),
    ("a: 2024-99-99", "a value that cannot be read"),
    ("a: \x01hunter2", "unacceptable character"),
]


@pytest.mark.parametrize(("text", "told"), NOT_YAML)
def test_a_document_that_is_no_yaml_is_told_by_its_place(text: str, told: str, tmp_path) -> None:
    with pytest.raises(yaml.YAMLError) as refused:
        read_yaml(text)
    path = tmp_path / "s.yaml"
    path.write_text(text)
    said = [tell_yaml_fault(refused.value)]
    for read in (
        lambda: read_taxonomy(text, "x.yaml"),
        lambda: parse_policy(text, "x.yaml"),
        lambda: resolve_settings(str(path), environ={}),
    ):
        with pytest.raises((TaxonomyError, ConfigError)) as error:
            read()
        said.append(str(error.value))
    for message in said:
        assert told in message
        assert "hunter2" not in message


def test_a_file_that_is_not_read_is_told_in_words(tmp_path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    for name, why in (("nope.yaml", "No such file or directory"), ("latin.yaml", "no UTF-8 text")):
        path = tmp_path / name
        for read in (
            lambda path=path: load_taxonomy(path),
            lambda path=path: load_policy(str(path)),
            lambda path=path: resolve_settings(str(path), environ={}),
        ):
            with pytest.raises((TaxonomyError, ConfigError), match=rf"cannot read .*{name}.*{why}") as error:
                read()
            assert "Error" not in str(error.value)


def test_a_fault_is_told_in_the_words_of_its_rule() -> None:
    class Rule(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def _check(cls, a: int) -> int:
            raise ValueError("based on v1, but no changes are listed")

    with pytest.raises(ValidationError) as refused:
        Rule(a=1)
    assert tell_faults(refused.value, "document") == "a: based on v1, but no changes are listed"
    with pytest.raises(ConfigError, match="must not be above mask_score") as error:
        resolve_settings(None, {"privacy.review_score": 0.9, "privacy.mask_score": 0.1}, {})
    assert "Value error" not in str(error.value)
