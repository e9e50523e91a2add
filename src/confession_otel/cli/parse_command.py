"""The options of `confession-otel parse`."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from . import parse as the_parse
from .terminal import binary, console

_FAILED = 3
_GZIP = b"\x1f\x8b"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_BYTES = str.maketrans(dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd"))
"""Of bytes that are no UTF-8, as they stand in a text, one for each, to what stands for them where it is read."""


def parse(
    file: Annotated[Path, typer.Argument(help="A confession, or an answer that ends in one; - is standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,  # noqa: FBT002 - an option
    fail_on: Annotated[
        str | None,
        typer.Option(
            help=f"End with exit code 3 where one of these holds: {', '.join(the_parse.CAN_TELL)}; with commas between."
        ),
    ] = None,
    split: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--split", help="Print the answer alone; with --json, both and what was read.")
    ] = False,
    bare: Annotated[bool, typer.Option("--bare", help="The file is a confession and nothing else.")] = False,  # noqa: FBT002 - as above
) -> None:
    """Read a confession: verdict, objectives, why. With --fail-on it is a gate for scripts.

    Only what ends the file is the model's confession: what stands elsewhere may be quoted from anybody. Where there is
    none the verdict is unparsed. With --bare all of the file is one.

    Exit codes: 0 it was read, and nothing of --fail-on holds (without --fail-on: whatever the verdict, also with
    --json), 2 the file cannot be read, or --fail-on names what no text can tell, 3 something of --fail-on holds.
    """
    try:
        conditions = frozenset[str]() if fail_on is None else the_parse.conditions(fail_on)
    except ValueError as error:
        typer.echo(f"--fail-on {fail_on}: {error}", err=True)
        raise typer.Exit(2) from error
    name = "standard input" if str(file) == "-" else str(file)
    try:
        content = binary(sys.stdin, name).read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        typer.echo(f"{name} cannot be read: {error.strerror}", err=True)
        raise typer.Exit(2) from error
    if content.startswith(_GZIP):
        typer.echo(f"{name} cannot be read: it is gzipped (gunzip -c FILE | confession-otel parse -)", err=True)
        raise typer.Exit(2)
    exact, strange = _decoded(content)
    if strange:
        typer.echo(f"{name} is not UTF-8: {strange} byte{'s' * (strange > 1)} could not be read", err=True)
    text = exact.translate(_NOT_BYTES)
    reading = the_parse.read_bare(text) if bare else the_parse.read_output(text)
    if as_json:
        typer.echo(the_parse.as_json(reading, divided=split))
    elif split:
        output = binary(sys.stdout, "standard output")
        # The very bytes that came: the answer is the beginning of the text.
        output.write(exact[: len(reading.answer)].encode("utf-8", "surrogateescape"))
        if sys.stdout.isatty() and not reading.answer.endswith("\n"):
            output.write(b"\n")
        output.flush()
    else:
        the_parse.show(reading, console())
        if not bare and not conditions and the_parse.may_be_bare(reading):
            typer.echo("no confession ends it; where all of it is one, --bare reads it", err=True)
    if held := [condition for condition in reading.conditions if condition in conditions]:
        typer.echo(f"fails on {', '.join(held)}", err=True)
        raise typer.Exit(_FAILED)


def _decoded(content: bytes) -> tuple[str, int]:
    """The text, with half a pair (U+DC80 and on) for each byte that is no UTF-8, and how many of these there are."""
    if content.startswith(_UTF_16):
        try:
            return content.decode("utf-16"), 0
        except UnicodeDecodeError:
            pass
    text = content.decode("utf-8-sig", "surrogateescape")
    return text, sum("\udc80" <= character <= "\udcff" for character in text) if not text.isascii() else 0
