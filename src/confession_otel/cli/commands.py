"""The commands and their options; what they do stands in the modules they call."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from confession_otel._version import __version__

from . import alerts as alerts_command
from .calibrate import calibrate
from .parse_command import parse
from .replay.command import replay
from .terminal import console

if TYPE_CHECKING:
    from collections.abc import Callable

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


alerts = typer.Typer(help="Alert rules on confessions, for Grafana.", no_args_is_help=True)
export = typer.Typer(no_args_is_help=True)
alerts.add_typer(export, name="export")


@export.callback(
    help="Print the alert rules for Grafana, filled in with the ids of your data sources.\n\n"
    "Those for Prometheus and other products are files in integrations/ of the source code."
)
def _export() -> None:
    """Make it a command that has commands."""


@export.command()
def grafana(
    datasource_uid: Annotated[
        str, typer.Option(help="UID of the data source that has the metrics (in the address of its settings page).")
    ],
    tempo_uid: Annotated[
        str | None, typer.Option(help="UID of the Tempo data source that alerts are to link to.")
    ] = None,
) -> None:
    """Print alert rules for Grafana's own alerting: a file for /etc/grafana/provisioning/alerting/."""
    try:
        rules = alerts_command.grafana(datasource_uid, tempo_uid)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(rules, nl=False)


def doctor(
    send: Annotated[bool, typer.Option("--send", help="Send one test confession, and find it again.")] = False,  # noqa: FBT002 - an option
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,  # noqa: FBT002 - an option
    query_url: Annotated[
        str | None, typer.Option(help="Address of Jaeger's query interface or of Phoenix; else guessed.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to look for the test confession at most.")] = 60,
) -> None:
    """Say whether confessions will reach the backend from this environment, and what to do where not.

    Without --send no telemetry leaves: each OTLP endpoint gets one empty export. Exit codes: 0 no problem, 1 a problem,
    2 it could not be run.
    """
    from . import doctor as the_doctor  # noqa: PLC0415 - it starts a program, and loads what it looks at

    if query_url is not None and not query_url.startswith(("http://", "https://")):
        typer.echo(f"--query-url {query_url!r} is no http:// or https:// URL", err=True)
        raise typer.Exit(int(the_doctor.Exit.NOT_RUN))
    findings = the_doctor.examine(send=send, query_url=query_url, wait=wait)
    if as_json:
        typer.echo(the_doctor.as_json(findings))
    else:
        the_doctor.show(findings, console())
    raise typer.Exit(int(the_doctor.outcome(findings)))


def _flowing(command: Callable[..., None]) -> str:
    """Its docstring, each paragraph in one line: typer keeps the line ends, which are not those of the terminal."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(command) or "").split("\n\n"))


for _command in (demo, calibrate, parse, replay, doctor):
    app.command(help=_flowing(_command))(_command)
app.add_typer(alerts, name="alerts")
