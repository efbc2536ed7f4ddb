"""What cannot be run here is at least well formed: units, compose file, Dockerfile, example environment."""

from __future__ import annotations

import configparser
import importlib.util
import logging
import re
import shlex
import shutil
import subprocess
import sys
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
    program = Path(words[0]).name
    assert (BIN / program).exists(), f"{program} is not a command of this environment"
    if words[1:2] == ["-m"]:
        assert importlib.util.find_spec(words[2]), words[2]


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
            assert source.startswith("./") or source in COMPOSE["volumes"]
        if service["image"] == "thoughttrace":
            check_command(service["command"])
    assert services["server"]["environment"]["PREFECT_API_DATABASE_CONNECTION_URL"].startswith("postgresql+")


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
    assert any("--require-hashes" in rest for name, rest in instructions if name == "RUN")


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
