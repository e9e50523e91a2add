"""Makes an environment of its own for tests that need other packages than the project's: `.venvs/NAME`.

    python tests/environment.py NAME PINS REQUIREMENT...

`PINS` is a file of exact versions, or `-`. The project is installed from this checkout, with the extras that the
requirements name (`confession-otel[openai]`). An environment that is there already, of the same requirements, is used
again. Prints the path of its interpreter.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
UV = os.environ.get("UV") or shutil.which("uv") or str(PROJECT / ".uv" / "bin" / "uv")


def environment(name: str, pins: str, *requirements: str) -> Path:
    """The interpreter of an environment in which the requirements are installed."""
    home = PROJECT / ".venvs" / name
    python = home / "bin" / "python"
    made_of = home / "made-of"
    constraints = "" if pins == "-" else Path(pins).read_text(encoding="utf-8")
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = hashlib.sha256(repr((sys.version, constraints, requirements, project)).encode()).hexdigest()
    if made_of.exists() and made_of.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    _uv("venv", "--python", sys.executable, str(home))
    arguments = [] if pins == "-" else ["--constraints", pins]
    for requirement in requirements:
        extras = requirement.removeprefix("confession-otel")
        arguments += [requirement] if extras == requirement else ["--editable", f"{PROJECT}{extras}"]
    _uv("pip", "install", "--python", str(python), *arguments)
    # Written last: an environment that was half made is made again.
    made_of.write_text(wanted, encoding="utf-8")
    return python


def _uv(*command: str) -> None:
    done = subprocess.run([UV, "--quiet", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"uv {' '.join(command)}\n{done.stderr}"
        raise SystemExit(message)


if __name__ == "__main__":
    sys.stdout.write(f"{environment(*sys.argv[1:])}\n")
