"""The completion hook of OpenTelemetry's GenAI instrumentations: they hand over the words, captured or not.

    OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK=confession

names it for every `opentelemetry-instrumentation-genai-*`; `instrument(completion_hook=ConfessionCompletionHook())`
gives it to one. Source: opentelemetry-util-genai, `opentelemetry.util.genai.completion_hook`.
"""

from __future__ import annotations

import functools
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from . import calls, dialects, live, observation
from .answer import Answer, attributes_of
from .asking import given
from .asking.conversation import chat_messages
from .corroboration import PART, Asked, ended
from .guard import Site, say_once
from .settings import Way
from .suppression import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry._logs import LogRecord
    from opentelemetry.trace import Span

    from .asking.follow_up import FollowUp
    from .observation import Observer

HOOK: Final = "completion hook"
_GROUP: Final = "opentelemetry_genai_completion_hook"
_NAME: Final = "confession"
"""Of our own entry point in that group."""

_LOAD: Final = Site("completion_hook.load")
_COMPLETE: Final = Site("completion_hook")


class ConfessionCompletionHook:
    """Records the confession in what a model gave; then passes all of it on to the hook that the settings name.

    Only one completion hook can be named for a process: `completion_hook=upload`, or `CONFESSION_OTEL_COMPLETION_HOOK`,
    names the one that is called after this one. With `way=ask` it asks through `asking_client`, in the background.

    Args:
        **keywords: `tracer_provider`, `meter_provider`, `logger_provider`, and any setting by name. With none of them,
            those of `confession_otel.instrument()` are in force.

    Raises:
        TypeError: a keyword is no setting.
        ValueError: a setting has a value that is not allowed.
    """

    def __init__(self, **keywords: Any) -> None:
        self._observer: Callable[[], Observer] = observation.own(**keywords) or observation.default
        self._next: Any = None
        with _LOAD:
            self._next = _load(self._observer().settings.completion_hook)

    def on_completion(
        self,
        *,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        system_instruction: Sequence[Any],
        tool_definitions: Sequence[Any] | None = None,
        span: Span | None = None,
        log_record: LogRecord | None = None,
        **more: Any,
    ) -> None:
        """Called by the instrumentation when a call is over, before its span ends.

        Args:
            inputs: messages of the conversation.
            outputs: messages of the model, one for each choice.
            system_instruction: parts of the instruction that stands apart from the messages.
            tool_definitions: tools that the model may call.
            span: of the call; absent or not recording where that is not sampled.
            log_record: the event of the call, where one is emitted.
            **more: what a later version may add.
        """
        with _COMPLETE:
            # A confession that is being asked for, or an answer that a hook has seen the call of.
            if not is_ours() and not calls.is_seen():
                self._look_at(inputs, outputs, system_instruction, span)
        if self._next is not None:
            self._next.on_completion(
                inputs=inputs,
                outputs=outputs,
                system_instruction=system_instruction,
                tool_definitions=tool_definitions,
                span=span,
                log_record=log_record,
                **more,
            )

    def _look_at(self, inputs: Sequence[Any], outputs: Sequence[Any], system: Sequence[Any], span: Span | None) -> None:
        observer = self._observer()
        settings = observer.settings
        if not settings.enabled or not outputs or (span is not None and live.is_brought(span)):
            return
        answers = _answers(outputs, span)
        asked = functools.partial(_asked, tuple(system), tuple(inputs))
        for answer in answers:
            answer.asked = asked
        if settings.way is not Way.ASK or settings.asking_client is None:
            if settings.way is Way.ASK:
                say_once(
                    "completion_hook.no_client",
                    "way=ask: the completion hook has no client to ask through; give instrument(asking_client=...)",
                )
            if answers:
                observer.overhear(answers, HOOK)
            return

        def follow_up(answer: Answer) -> FollowUp:
            return given.follow_up(settings.asking_client, chat_messages(system, inputs), answer)

        for ask in observer.observe(answers, HOOK, follow_up):
            # An instrumentation waits for its hook: whatever the mode, nothing is sent from here.
            ask.later()


def _answers(outputs: Sequence[Any], span: Span | None) -> list[Answer]:
    written = None if span is None else dialects.read(attributes_of(span))
    known: dict[str, Any] = {} if written is None else written.fields()
    if span is not None:
        known["span"] = span
    choices = [choice for message in outputs for choice in dialects.choices_of(_as_mapping(message))]
    several = len(choices) > 1
    return [
        Answer(
            text=choice.text,
            final=not choice.tool_turn,
            choice=number if several else None,
            evidence=ended(choice.finish_reason, choice.refusal),
            **known,
        )
        for number, choice in enumerate(choices)
    ]


def _asked(system: tuple[Any, ...], inputs: tuple[Any, ...]) -> Asked:
    told = [_text(system)] + [_text(one.parts) for one in inputs if str(one.role) in ("system", "developer")]
    last = next((_text(one.parts) for one in reversed(inputs) if str(one.role) == "user"), "")
    return Asked(PART.join((*told, last)))


def _text(parts: Sequence[Any]) -> str:
    return "\n".join(str(part.content) for part in parts if getattr(part, "type", None) == "text")


def _as_mapping(message: Any) -> dict[str, Any]:
    return {
        "role": message.role,
        "parts": [part if isinstance(part, dict) else {**vars(part)} for part in message.parts],
        "finish_reason": getattr(message.finish_reason, "value", message.finish_reason),
    }


def _load(name: str | None) -> Any:
    """The hook of that name; `None` where there is none."""
    if name is None:
        return None
    found = {one.name: one for one in entry_points(group=_GROUP) if one.name != _NAME}
    if name in found:
        return found[name].load()()
    message = "completion_hook=%s is not used: there are %s"
    say_once("completion_hook.unknown", message, name, ", ".join(sorted(found)) or "no others")
    return None
