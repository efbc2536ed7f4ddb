"""What cannot be run here is at least well formed: units, compose file, Dockerfile, example environment."""

from __future__ import annotations

import configparser
import importlib.util
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from flows.settings import resolve_settings

REPO = Path(__file__).parents[2]
FOLDER = REPO / "deployments"
UNITS = sorted((FOLDER / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
BIN = Path(sys.executable).parent
HOME = "/opt/thoughttrace"


def check_command(words: list[str]) -> None:
    """The program exists here and knows the subcommands and flags that it is given."""
    program = Path(words[0]).name
    assert (BIN / program).exists(), f"{program} is not a command of this environment"
    if words[1:2] == ["-m"]:
        assert importlib.util.find_spec(words[2]), words[2]
    flags = {word.split("=")[0] for word in words[1:] if word.startswith("-") and word != "-m"}
    if flags:
        until = next(i for i, word in enumerate(words) if word.split("=")[0] in flags)
        missing = flags - set(ask_for_help(program, *words[1:until]))
        assert not missing, f"{shlex.join(words[:until])} does not know {missing}"


@cache
def ask_for_help(program: str, *words: str) -> list[str]:
    """Every flag that the help of a command names."""
    asked = ["help", *words] if program == "weed" else [*words, "--help"]
    done = subprocess.run(
        [BIN / program, *asked], capture_output=True, text=True, cwd=REPO, env=os.environ | {"COLUMNS": "200"}
    )
    assert done.returncode == 0 or program == "weed", done.stderr
    return re.findall(r"(?<![\w-])--?[a-z][\w.-]*", done.stdout + done.stderr)


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.stem)
def test_unit(unit, tmp_path) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment]
    parsed.read(unit)
    service = parsed["Service"]
    assert service["User"] != "root"
    assert service["EnvironmentFile"] == "/etc/thoughttrace/env"
    command = shlex.split(service["ExecStart"])
    assert command[0].startswith(f"{HOME}/.venv/bin/")
    check_command(command)
    if shutil.which("systemd-analyze"):
        copy = tmp_path / unit.name
        text = unit.read_text().replace(f"{HOME}/.venv/bin", str(BIN)).replace(HOME, str(REPO))
        copy.write_text(re.sub(r"^User=.*\n", "", text, flags=re.M))
        done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if unit.name in line]
        assert not complaints


def test_compose_services_fit_together() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert "image" in service, name
        assert not str(service["image"]).endswith(":latest")
        needs = service.get("depends_on", {})
        assert set(needs) <= set(services), name
        for other, condition in needs.items() if isinstance(needs, dict) else ():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for {other}, which has no check"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} is open to the network"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                # what holds secrets is made from an example beside it
                assert any((FOLDER / f"{source}{end}").exists() for end in ("", ".example")), source
            else:
                assert source in COMPOSE["volumes"]
        if service["image"] == "thoughttrace":
            check_command(service["command"])
        if (check := service.get("healthcheck", {}).get("test", [""]))[0] == "CMD":
            assert check[1:3] == ["python", "-c"]
            compile(check[3], name, "exec")
    assert services["server"]["environment"]["PREFECT_API_DATABASE_CONNECTION_URL"].startswith("postgresql+")


def test_the_object_store_of_compose_knows_its_options() -> None:
    if not (BIN / "weed").exists():
        pytest.skip("weed is not installed (dev dependency)")
    check_command(["weed", *COMPOSE["services"]["objects"]["command"]])


def test_the_keys_of_the_object_store_have_the_roles() -> None:
    document = json.loads((FOLDER / "s3.json.example").read_text())
    policies = {policy["name"]: json.loads(policy["content"]) for policy in document["policies"]}
    for name in ("reader", "publisher", "maintainer"):
        text = (FOLDER / "iam" / f"{name}.json").read_text()
        # as in THOUGHTTRACE_STORE of env.example
        text = text.replace("BUCKET", "releases").replace("PREFIX", "thoughttrace")
        assert policies[name] == json.loads(text), f"{name} differs from deployments/iam/{name}.json"
    roles = {i["name"]: i.get("policyNames", []) for i in document["identities"]}
    assert roles == {"operator": [], **{name: [name] for name in policies}}
    assert not any(key["secretKey"] for i in document["identities"] for key in i["credentials"])
    assert "s3.json" in (REPO / ".gitignore").read_text().split()
    ignored = (REPO / ".dockerignore").read_text().split()
    assert {"deployments/s3.json", "deployments/.env"} <= set(ignored), "secrets would go into the image"


def test_a_folder_may_be_the_store_under_systemd() -> None:
    unit = (FOLDER / "systemd" / "thoughttrace-worker.service").read_text()
    writable = re.findall(r"^ReadWritePaths=-(\S+)$", unit, re.M)
    assert writable
    assert all(path in (FOLDER / "env.example").read_text() for path in writable)


def test_dockerfile() -> None:
    lines = re.sub(r"\\\n", " ", (FOLDER / "Dockerfile").read_text()).splitlines()
    instructions = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    known = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in instructions} <= known
    assert instructions[0][0] == "FROM"
    assert re.fullmatch(r"python:3\.1[1-3]-slim", instructions[0][1])
    for name, rest in instructions:
        if name == "COPY":
            assert all((REPO / source).exists() for source in rest.split()[:-1]), rest
    users = [rest for name, rest in instructions if name == "USER"]
    assert users
    assert users[-1] != "root"
    # a lock that is resolved again trips over extras: see the Makefile
    assert any("--require-hashes --no-deps" in rest for name, rest in instructions if name == "RUN")
    for name, rest in instructions:
        if name == "CMD":
            check_command(json.loads(rest))
        for command in re.split(r"\s+&&\s+", rest) if name == "RUN" else ():
            words = shlex.split(command)
            if words[0] == "pip":
                check_command(words)


def test_the_image_holds_everything_that_is_packaged() -> None:
    kept = set(re.findall(r"^!(\S+)", (REPO / ".dockerignore").read_text(), re.M))
    copied = set(re.findall(r"^COPY (.+)$", (FOLDER / "Dockerfile").read_text(), re.M))
    sources = {source.split("/")[0] for line in copied for source in line.split()[:-1]}
    assert sources == kept


def test_example_environment_names_only_what_exists() -> None:
    text = (FOLDER / "env.example").read_text()
    pairs = dict(re.findall(r"^(?:# )?([A-Z][A-Z_0-9]+)=(.*)$", text, re.M))
    active = dict(re.findall(r"^([A-Z][A-Z_0-9]+)=(.*)$", text, re.M))
    assert all(active.values()), "an empty value is not the same as none"
    settings = resolve_settings(None, {}, pairs).settings
    assert settings.store == "s3://releases/thoughttrace"
    for name in re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()):
        assert name in pairs, f"compose.yaml wants {name}"


def test_metrics_are_off_unless_asked_for(monkeypatch) -> None:
    from prefect.settings import Settings

    text = (FOLDER / "env.example").read_text()
    offered = re.findall(r"^# (PREFECT_\w*METRICS_ENABLED)=true$", text, re.M)
    assert len(offered) == 2
    for name in offered:
        monkeypatch.delenv(name, raising=False)
    assert not Settings().server.metrics_enabled
    assert not Settings().client.metrics.enabled
    for name in offered:
        monkeypatch.setenv(name, "true")
    assert Settings().server.metrics_enabled
    assert Settings().client.metrics.enabled


def test_the_steps_of_a_run_go_to_its_log() -> None:
    import prefect.settings
    from prefect.logging.configuration import setup_logging
    from prefect.logging.handlers import APILogHandler

    from flows.progress import _log

    pairs = re.findall(r"^(PREFECT_LOGGING_\w+)=(.+)$", (FOLDER / "env.example").read_text(), re.M)
    # a command that ran in this process before has set the level for itself
    chosen = {"PREFECT_LOGGING_LEVEL": "INFO", **dict(pairs)}
    updates = {getattr(prefect.settings, name): value for name, value in chosen.items()}
    with prefect.settings.temporary_settings(updates) as settings:
        assert settings.logging.to_api.when_missing_flow == "ignore"
        setup_logging()
        assert _log.isEnabledFor(logging.INFO)
        assert any(isinstance(handler, APILogHandler) for handler in _log.parent.handlers)
