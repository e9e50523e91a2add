"""What is done with a piece of an archive, in whichever process: read each line, emit it, send it, account for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from confession_otel.replaying import Reason, Rejection, read_line
from confession_otel.replaying.emission import Emitter
from confession_otel.settings import Settings

from . import targets
from .options import To

if TYPE_CHECKING:
    from confession_otel.replaying import Read
    from confession_otel.replaying.past import Emitted

    from .chunks import Chunk
    from .options import Plan

Counts = Counter[str]
"""How often each thing happened; what is counted under which name stands in `summary`."""
VERDICT: Final = "confessed "
PASSED_OVER: Final = "passed over "
REJECTED: Final = "rejected "
FLAGGED: Final = "flagged"
ABSENT: Final = "absent"
LINES: Final = "lines"
SPANS: Final = "spans"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line of a piece that was rejected."""

    number: int
    """Of the line in its piece, from 0."""
    rejection: Rejection
    line: bytes


@dataclass(slots=True)
class Done:
    """A piece is done: its telemetry was taken."""

    counts: Counts = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    output: str = ""


class Worker:
    """Does pieces, one after another."""

    def __init__(self, plan: Plan) -> None:
        """Begin, under the settings of the environment."""
        self._otherwise = plan.otherwise
        self._emitter = Emitter(Settings.read())
        self._target: targets.Target
        if plan.to is To.OTLP:
            self._target = targets.Otlp(events=plan.events)
        elif plan.to is To.JSONL:
            self._target = targets.Jsonl(events=plan.events)
        else:
            self._target = targets.Console()

    def do(self, chunk: Chunk) -> Done:
        """Do one.

        Raises:
            NotTakenError: its telemetry was not taken.
        """
        done = Done()
        for number, line in enumerate(chunk.data.removesuffix(b"\n").split(b"\n") if chunk.data else ()):
            done.counts[LINES] += 1
            read = self._emit(read_line(line, otherwise=self._otherwise), done.counts)
            for what, count in read.passed_over.items():
                done.counts[PASSED_OVER + what] += count
            if read.rejection is not None:
                done.counts[REJECTED + read.rejection.reason] += 1
                done.rejected.append(Rejected(number, read.rejection, line))
        if chunk.broken is not None:
            done.counts[REJECTED + Reason.UNREADABLE] += 1
            rejection = Rejection(Reason.UNREADABLE, f"the rest of the file cannot be read: {chunk.broken}")
            done.rejected.append(Rejected(done.counts[LINES], rejection, b""))
        done.output = self._target.finish()
        return done

    def _emit(self, read: Read, counts: Counts) -> Read:
        """Emit what was read, all of a line or nothing."""
        made: list[Emitted] = []
        try:
            for call in read.calls:
                made.append(self._emitter.emit(call))  # noqa: PERF401 - those made so far are of no use then
        except Exception as error:  # noqa: BLE001 - one strange answer must not end the replay of a million others
            return replace(read, rejection=Rejection(Reason.INTERNAL_ERROR, type(error).__name__))
        for emitted in made:
            self._target.put(emitted)
            counts[SPANS] += len(emitted.spans)
            counts[FLAGGED] += emitted.flagged
            counts[ABSENT] += emitted.absent
            for verdict, count in emitted.verdicts.items():
                counts[VERDICT + verdict] += count
        return read
