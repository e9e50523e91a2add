"""The commands and their options; what they do stands in the modules they call."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from confession_otel._version import __version__

from . import parse as parse_command
from .terminal import console

app = typer.Typer(
    name="confession-otel",
    help="Language models' confessions on OpenTelemetry spans.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Language models' confessions on OpenTelemetry spans."""


@app.command()
def demo(
    backend: Annotated[
        str,
        typer.Option(
            help="auto, phoenix, otlp or console. auto: the endpoint of the OTEL_EXPORTER_OTLP_* variables, "
            "else Phoenix, else the console."
        ),
    ] = "auto",
    stay: Annotated[
        bool | None, typer.Option(help="Keep Phoenix up until Ctrl-C; by default where this is a terminal.")
    ] = None,
) -> None:
    """Scripted models confess; a real backend shows it. No API key.

    Exit codes: 0 every task came back with the verdict it should have, 1 some did not, 2 the backend cannot be used,
    3 the backend cannot be read back.
    """
    try:
        from . import demo as the_demo  # noqa: PLC0415 - it needs more extras than this module
    except ImportError as error:
        typer.echo(f'the demo needs {error.name}: pip install "confession-otel[all]"', err=True)
        raise typer.Exit(2) from error
    try:
        choice = the_demo.Choice(backend)
    except ValueError as error:
        allowed = ", ".join(the_demo.Choice)
        typer.echo(f"--backend {backend!r} is not known; it is one of {allowed}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(int(the_demo.run(choice, console(), stay=sys.stdout.isatty() if stay is None else stay)))


@app.command()
def parse(
    file: Annotated[Path, typer.Argument(help="A confession, or an answer that ends in one; - is standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Read a confession: verdict, objectives, why."""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}", err=True)
        raise typer.Exit(2) from error
    confession = parse_command.read(content.decode("utf-8-sig", errors="replace"))
    if as_json:
        typer.echo(parse_command.as_json(confession))
    else:
        parse_command.show(confession, console())
