"""Child processes that live and die with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


@dataclass
class Children:
    """Processes in the order of their start; stopped in reverse.

    Attributes:
        logs: folder of one log file a process.
    """

    logs: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _started: dict[str, tuple[Sequence[str], Mapping[str, str], Path]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        """Start a process whose output goes to `<name>.log`."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self._started[name] = command, environ, cwd
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own commands
                list(command),
                env=dict(environ),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C at the terminal reaches the parent only, which stops them in order
                start_new_session=True,
                preexec_fn=_tie_to_parent,
            )

    def run(self, name: str, command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        """Run a process to its end.

        Raises:
            TimeoutError: it failed or took too long; says where its log is.
        """
        self.start(name, command, environ, cwd)
        try:
            failed = self._running[name].wait(timeout=300) != 0
        except subprocess.TimeoutExpired:
            failed = True
        if failed:
            raise TimeoutError(f"{name} failed; see {self.logs}/{name}.log\n{self.read_log(name)}")
        del self._running[name]

    def pid(self, name: str) -> int:
        """Process id."""
        return self._running[name].pid

    def restart(self, name: str) -> None:
        """Start a process again as it was started before, as a supervisor would; kills what is left of it."""
        process = self._running.pop(name)
        process.kill()
        process.wait()
        self.start(name, *self._started[name])

    def find_dead(self) -> str | None:
        """Name of a process that has ended by itself."""
        return next((name for name, p in self._running.items() if p.poll() is not None), None)

    def read_log(self, name: str, n_lines: int = 20) -> str:
        """The last lines that a process wrote."""
        path = self.logs / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-n_lines:]) if path.exists() else ""

    def stop(self, patience_s: float = 15.0) -> None:
        """End all of them, the last started first; kills what does not end in time."""
        for name in reversed(list(self._running)):
            process = self._running.pop(name)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                _wait(process, patience_s)
            # what a process left in its group (a flow run of a worker) goes with it
            _kill_group(process.pid)


def _wait(process: subprocess.Popen[bytes], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
        process.wait()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _tie_to_parent() -> None:
    # a shell that starts us in the background makes SIGINT ignored, and Prefect's worker relies on it
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
