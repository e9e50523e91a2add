"""`confession-otel calibrate`: its options. What it does stands in `calibrating`, and is imported when it is run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, NoReturn

import typer

PICTURES = (".png", ".svg")
NEEDED = "each needs `failed` (true, false, null) and one of `verdict`, `confessed`, `text`"
COMPARISONS = ("published",)


def calibrate(  # noqa: PLR0913, PLR0917 - typer passes each option so
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="JSON lines, CSV or Parquet with `failed` and one of `verdict`, `confessed`, `text`; OTLP JSON of the "
            "collector's file exporter; a directory of these; - is standard input, which cannot be Parquet. All but "
            "Parquet may be gzipped. Text is UTF-8.",
        ),
    ],
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="Field that names the group; by default `group`, in OTLP the attribute gen_ai.request.model.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,  # noqa: FBT002 - an option
    plot: Annotated[Path | None, typer.Option(help="Draw it: a .png or .svg file.")] = None,
    unsure_counts: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--unsure-counts", help="A confession that says `unsure` counts as one of failure.")
    ] = False,
    compare: Annotated[str | None, typer.Option(help="published: the twelve published rows beside yours.")] = None,
    minimum: Annotated[
        int, typer.Option(min=1, metavar="N", help="Figures of fewer answers than this are shown as too few.")
    ] = 30,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes at most; by default one for each processor.")
    ] = None,
) -> None:
    """How far can your model's confessions be believed? Confessions held against outcomes.

    Exit codes: 0 there are figures, 2 an input cannot be read, or none of its rows can be used. Rows that cannot be
    used are counted by reason, on standard error and in --json.
    """
    if compare is not None and compare not in COMPARISONS:
        _stop(f"--compare {compare!r} is not known; it is {' or '.join(COMPARISONS)}")
    if plot is not None:
        if plot.suffix.lower() not in PICTURES:
            _stop(f"--plot {plot}: a picture is a {' or '.join(PICTURES)} file")
        if importlib.util.find_spec("matplotlib") is None:
            _stop('--plot needs matplotlib: pip install "confession-otel[data]"')
    from confession_otel.cli.terminal import console  # noqa: PLC0415 - so that --help stays fast, as all below

    from .calibrating import inputs, shown, work  # noqa: PLC0415

    try:
        tasks = inputs.plan(files)
        calibration, places, lacking = work.run(tasks, by, jobs, console(stderr=True))
    except inputs.UnreadableError as error:
        _stop(str(error))
    if calibration.rejected:
        typer.echo(shown.rejections(calibration.rejected, places), err=True)
    report = calibration.report(unsure_counts=unsure_counts, minimum=minimum)
    if not report.overall.n:
        _stop(f"no usable row: {lacking or NEEDED}")
    if by is not None and all(group.group is None for group in report.groups) and not report.ungrouped:
        _stop(f"--by {by}: no usable row has a value there")
    if report.ungrouped:
        typer.echo(f"too many groups: {report.ungrouped} rows are in the overall figures only", err=True)
    if plot is not None:
        from .calibrating import picture  # noqa: PLC0415

        try:
            picture.draw(report, plot)
        except OSError as error:
            _stop(f"{plot} cannot be written: {error.strerror}")
    if as_json:
        figures = {**report.to_dict(), "rejected": {str(why): n for why, n in sorted(calibration.rejected.items())}}
        if compare:
            figures["published"] = shown.published_as_dict()
        typer.echo(json.dumps(figures, indent=2))
    else:
        shown.show(report, console(), compare=compare is not None, unsure_counts=unsure_counts)


def _stop(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(2)
