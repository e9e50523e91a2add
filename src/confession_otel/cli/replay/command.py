"""The options of `confession-otel replay`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from confession_otel.cli.terminal import console


def replay(  # noqa: PLR0913, PLR0917 - its options
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="JSON lines, plain or gzip; - is standard input.")
    ],
    to: Annotated[
        str,
        typer.Option(help="otlp: to the endpoint of the OTEL_EXPORTER_OTLP_* variables; jsonl: OTLP as JSON; console."),
    ] = "otlp",
    output: Annotated[Path | None, typer.Option(help="Where jsonl and console are written.")] = None,
    reject: Annotated[Path | None, typer.Option(help="Where lines that cannot be read are written, with why.")] = None,
    time: Annotated[str | None, typer.Option(help="Time of answers that name none, ISO 8601.")] = None,
    events: Annotated[bool, typer.Option(help="Send the event of each confession too, as a log record.")] = True,  # noqa: FBT002 - an option
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run of the same files stopped.")] = False,  # noqa: FBT002 - as above
    state: Annotated[
        Path | None, typer.Option(help="Where it is noted how far it has come; beside the output, or the first file.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that work.")] = 1,
) -> None:
    """Emit an archive of answers as telemetry, at their own times. Doing so twice adds nothing: ids are the same.

    Settings are those of the CONFESSION_OTEL_* variables. Metrics are not emitted: they would count today what happened
    then.

    Exit codes: 0 every line was read and its telemetry taken, 1 some lines were rejected, 2 it could not run to its
    end (--resume goes on), 130 interrupted.
    """
    try:
        from confession_otel.replaying.moments import nanoseconds  # noqa: PLC0415 - only this command needs these

        from . import options as given  # noqa: PLC0415 - as above
        from .pool import say_warnings  # noqa: PLC0415 - it needs more extras than this module
        from .run import run  # noqa: PLC0415 - as above
    except ImportError as error:
        typer.echo(f'replay needs {error.name}: pip install "confession-otel[cli,otlp]"', err=True)
        raise typer.Exit(2) from error
    try:
        target = given.To(to)
    except ValueError as error:
        typer.echo(f"--to {to!r} is not known; it is one of {', '.join(given.To)}", err=True)
        raise typer.Exit(2) from error
    try:
        otherwise = None if time is None else nanoseconds(time)
    except ValueError as error:
        typer.echo(f"--time {time!r}: {error}", err=True)
        raise typer.Exit(2) from error
    say_warnings()
    plan = given.Plan(target, otherwise, events)
    chosen = given.Options(tuple(files), plan, output, reject, state, resume, jobs)
    raise typer.Exit(int(run(chosen, console(stderr=True))))
