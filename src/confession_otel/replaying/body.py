"""Bodies of OpenAI's API as they were stored: chat completions, completions, responses.

Read as they are, without OpenAI's SDK: an archive is older than the types that are installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from confession_otel import semconv
from confession_otel.corroboration import Evidence
from confession_otel.dialects import Choice, choices_of
from confession_otel.privacy import well_formed

from . import fields
from .records import Given, PassedOver, Reason, RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FINISHED: Final = ("completed", "incomplete")
_FOR_THE_CALLER: Final = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "mcp_approval_request",
    }
)
"""Output items that wait for the caller: a response with one of them is a tool turn."""
_USAGE: Final = (
    (semconv.GEN_AI_INPUT_TOKENS, ("prompt_tokens", "input_tokens"), None),
    (semconv.GEN_AI_OUTPUT_TOKENS, ("completion_tokens", "output_tokens"), None),
    (semconv.GEN_AI_CACHE_READ_TOKENS, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens"),
    (semconv.GEN_AI_REASONING_TOKENS, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens"),
)


@dataclass(frozen=True, slots=True)
class Body:
    """What a body says of its call."""

    id: str | None
    model: str | None
    time: int | None
    """Nanoseconds since 1970, at which the provider began; `ended` where it says so."""
    ended: int | None
    answers: tuple[Given, ...]
    attributes: Mapping[str, Any]
    conversation_id: str | None = None


def is_body(value: Mapping[str, Any]) -> bool:
    """Is it a body of one of the three, with nothing around it?"""
    return isinstance(value.get("choices"), list) or value.get("object") == "response"


def read(body: Mapping[str, Any]) -> Body | PassedOver:
    """Read a body.

    Returns:
        What it says; `FAILED_REQUEST` for one that failed, was cancelled or is still being made.

    Raises:
        RejectedError: it is none of the three, or a field of it has a value that it cannot have.
    """
    if isinstance(body.get("choices"), list):
        answers = _completion(body["choices"])
    elif isinstance(body.get("output"), list):
        if body.get("status", "completed") not in _FINISHED:
            return PassedOver.FAILED_REQUEST
        answers = (_response(body),)
    elif body.get("error") is not None:
        return PassedOver.FAILED_REQUEST
    else:
        raise RejectedError(Reason.NO_ANSWER, "a body of OpenAI's API has `choices` or `output`")
    if not answers:
        return PassedOver.FAILED_REQUEST
    conversation = body.get("conversation")
    return Body(
        fields.label(body, "id"),
        fields.label(body, "model"),
        fields.moment(body, "created", "created_at"),
        fields.moment(body, "completed_at"),
        answers,
        _attributes(body, answers),
        fields.label(conversation, "id") if isinstance(conversation, dict) else None,
    )


def _completion(choices: list[Any]) -> tuple[Given, ...]:
    several = len(choices) > 1
    answers = []
    for position, choice in enumerate(choices):
        if not isinstance(choice, dict):
            fields.refuse("choices", "must be objects")
        reason = fields.label(choice, "finish_reason")
        # A choice without a word or a call may still say why it has none.
        one = next(iter(choices_of([choice])), None) or Choice(finish_reason=reason)
        index = fields.index(choice, "index")
        answers.append(
            Given(
                one.text,
                choice=(position if index is None else index) if several else None,
                final=not one.tool_turn,
                evidence=Evidence(reason, _well_formed(one.refusal)),
            )
        )
    return tuple(answers)


def _response(body: Mapping[str, Any]) -> Given:
    texts: list[str] = []
    refusals: list[str] = []
    tool_turn = commentary = answered = False
    for item in body["output"]:
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(kind, str) and kind in _FOR_THE_CALLER:
            tool_turn = True
        elif kind == "message" and item.get("phase") == "commentary":
            commentary = True
        elif kind == "message":
            answered = True
            content = item.get("content")
            for part in content if isinstance(content, list) else ():
                if isinstance(part, dict):
                    texts.append(fields.text(part, "text") or "")
                    refusals.append(fields.text(part, "refusal") or "")
    incomplete = body.get("incomplete_details")
    reason = fields.label(incomplete, "reason") if isinstance(incomplete, dict) else None
    return Given(
        "".join(texts),
        final=not (tool_turn or (commentary and not answered)),
        evidence=Evidence(reason or "stop", _well_formed("".join(refusals)) or None),
    )


def _attributes(body: Mapping[str, Any], answers: tuple[Given, ...]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if model := fields.label(body, "model"):
        known[semconv.GEN_AI_RESPONSE_MODEL] = model
    reasons = [one.evidence.finish_reason or "" for one in answers]
    if any(reasons):
        known[semconv.GEN_AI_FINISH_REASONS] = reasons
    usage = body.get("usage")
    if isinstance(usage, dict):
        for key, names, detail in _USAGE:
            value = next((usage[name] for name in names if name in usage), None)
            if detail is not None:
                value = value.get(detail) if isinstance(value, dict) else None
            # Zero says no more than absence does.
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63:
                known[key] = value
    return known


def _well_formed(text: str | None) -> str | None:
    return None if text is None else well_formed(text)
