"""Builds Jaeger and the collector from the Go modules beside this file, and remembers them by what they are made of.

`jaeger/` and `builder/` are modules whose one tool is the program. The collector's sources are written by the builder
from `collector/manifest.yaml`; the module versions they are compiled with are those of `collector/go.mod`. `honeycomb/`
is a program of our own: a Terraform provider that knows what Honeycomb's takes, and nothing else.

Jaeger's module holds no user interface: its page is a placeholder, its query interfaces are all there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE: Final = Path(__file__).parent
_BUILDER: Final = "go.opentelemetry.io/collector/cmd/builder"
_JAEGER: Final = "github.com/jaegertracing/jaeger"
_JAEGER_VERSION: Final = "v2.13.0"
"""Of the module, v1.76.0: its path has no /v2, so Go knows only the older number of the commit that has both."""
_HONEYCOMB_PROVIDER: Final = "terraform-provider-honeycombio"
_POLITE: Final = ("nice", "-n", "15")
_FLAGS: Final = ("-mod=readonly", "-p=2", "-trimpath", "-buildvcs=false")
_LINKING: Final = "-ldflags=-s -w"
"""No symbols and no debugging information."""
_VARIABLES: Final = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
"""No C compiler, flags or workspace of the machine's goes in. The module and build caches are the user's."""


class Unavailable(Exception):  # noqa: N818 - it says what the servers are
    """They cannot be built on this machine; the message says what is missing."""


class BuildFailedError(Exception):
    """They should have been built; the message ends with what the command said."""


@dataclass(frozen=True, slots=True)
class Server:
    """One program."""

    name: str
    version: str
    inputs: tuple[str, ...]
    """Files, relative to this one, that decide what comes out."""
    make: Callable[[Path], None]
    """Puts the program into a directory, which it may litter, under its name."""


def _make_jaeger(directory: Path) -> None:
    stamp = f"-X {_JAEGER}/internal/version.latestVersion={_JAEGER_VERSION}"
    go("build", *_FLAGS, f"{_LINKING} {stamp}", "-o", directory / "jaeger", f"{_JAEGER}/cmd/jaeger", at="jaeger")


def _make_collector(directory: Path) -> None:
    sources = generated(directory, "--skip-get-modules")
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(HERE / "collector" / name, sources / name)
    go("build", *_FLAGS, _LINKING, "-o", directory / "otelcol", ".", at=sources)


def _make_honeycomb_provider(directory: Path) -> None:
    go("build", *_FLAGS, _LINKING, "-o", directory / _HONEYCOMB_PROVIDER, ".", at="honeycomb")


def generated(directory: Path, *flags: str) -> Path:
    """The collector's sources, written by the builder; without `--skip-get-modules` it finds versions as well."""
    builder = directory / "ocb"
    go("build", *_FLAGS, _LINKING, "-o", builder, _BUILDER, at="builder")
    manifest = shutil.copy(HERE / "collector" / "manifest.yaml", directory)
    # It makes a temporary directory, which it does not use and leaves.
    _run([builder, "--config", manifest, "--skip-compilation", *flags], directory, TMPDIR=str(directory))
    return directory / "sources"


SERVERS: Final[Mapping[str, Server]] = {
    server.name: server
    for server in (
        Server("jaeger", _JAEGER_VERSION, ("jaeger/go.mod", "jaeger/go.sum"), _make_jaeger),
        Server(
            "otelcol",
            "v0.158.0",
            ("builder/go.mod", "builder/go.sum", "collector/manifest.yaml", "collector/go.mod", "collector/go.sum"),
            _make_collector,
        ),
        Server(
            _HONEYCOMB_PROVIDER,
            "v0.51.0",
            ("honeycomb/go.mod", "honeycomb/go.sum", "honeycomb/main.go", "honeycomb/schema.json"),
            _make_honeycomb_provider,
        ),
    )
}


def cache_directory() -> Path:
    """`$CONFESSION_OTEL_BACKENDS_CACHE`, by default `confession-otel/backends` in `$XDG_CACHE_HOME` or `~/.cache`."""
    if given := os.environ.get("CONFESSION_OTEL_BACKENDS_CACHE"):
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The XDG specification: a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "confession-otel" / "backends"


def cached(name: str) -> Path | None:
    """The program, if it has been built of these very inputs with this Go.

    Raises:
        Unavailable: There is no Go here to build it with.
    """
    program = _place(name) / name
    return program if program.exists() else None


def binary(name: str) -> Path:
    """The program, built if need be: minutes the first time, nothing after that.

    Args:
        name: One of `SERVERS`.

    Raises:
        Unavailable: There is no Go here.
        BuildFailedError: As the command said.
        OSError: The cache directory cannot be written.
    """
    if found := cached(name):
        return found
    place = _place(name)
    with _alone(name):
        for left in place.parent.glob(f"{name}.building-*"):
            # We are alone: whoever made this was killed.
            shutil.rmtree(left, ignore_errors=True)
        if found := cached(name):
            return found  # someone else's, finished while we waited
        building = Path(tempfile.mkdtemp(prefix=f"{name}.building-", dir=place.parent))
        try:
            SERVERS[name].make(building)
            finished = building / "finished"
            finished.mkdir()
            (building / name).rename(finished / name)
            finished.rename(place)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return place / name


def _place(name: str) -> Path:
    digest = hashlib.sha256(repr((_go_version(), _FLAGS, _LINKING, sorted(_VARIABLES.items()))).encode())
    for path in SERVERS[name].inputs:
        digest.update(hashlib.sha256((HERE / path).read_bytes()).digest())
    return cache_directory() / f"{name}-{SERVERS[name].version}-{digest.hexdigest()[:16]}"


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process at a time builds one program; the kernel lets go of the lock however the process ends."""
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go_version() -> str:
    """Of the Go that would build here, and for what machine."""
    return _run(["go", "env", "GOVERSION", "GOOS", "GOARCH"], HERE / "jaeger")


def go(*arguments: str | Path, at: str | Path) -> None:
    _run([*_POLITE, "go", *arguments], HERE / at)


def _run(command: list[str | Path], directory: Path, **variables: str) -> str:
    """Run to its end; its output."""
    if shutil.which("go") is None:
        message = "Go is not installed (https://go.dev/dl/)"
        raise Unavailable(message)
    environ = {**os.environ, **_VARIABLES, **variables}
    done = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        # The downloads that go before say nothing.
        said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("go: downloading")]
        message = f"`{' '.join(map(str, command))}` failed with exit code {done.returncode}:\n" + "\n".join(said[-20:])
        raise BuildFailedError(message)
    return done.stdout
