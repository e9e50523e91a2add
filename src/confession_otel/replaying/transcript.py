"""One answer a line, as people keep them, or a body of OpenAI's API, bare or in a batch's output file.

The fields are in `docs/replay.md`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from confession_otel import semconv
from confession_otel.corroboration import Evidence
from confession_otel.dialects import choices_of

from . import body as bodies
from . import fields, identity
from . import request as requests
from .body import Body
from .records import Call, Given, PassedOver, Reason, RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOO_MANY_REQUESTS_AND_WORSE: Final = 400
_OPENAI: Final = "openai"


def is_batch(line: Mapping[str, Any]) -> bool:
    """Is it a line of a batch's output or error file?"""
    response = line.get("response")
    return "custom_id" in line or (isinstance(response, dict) and "body" in response)


def read_batch(line: Mapping[str, Any], otherwise: int | None) -> Call | PassedOver:
    """Read a line of a batch's output file; arguments and result as of `read`."""
    response = line.get("response")
    if line.get("error") is not None or not isinstance(response, dict):
        return PassedOver.FAILED_REQUEST
    status = response.get("status_code")
    if isinstance(status, int) and status >= _TOO_MANY_REQUESTS_AND_WORSE:
        return PassedOver.FAILED_REQUEST
    body = response.get("body")
    if not isinstance(body, dict):
        fields.refuse("response", "must have the `body` that the API sent")
    found = bodies.read(body)
    if isinstance(found, PassedOver):
        return found
    name = found.id or fields.label(line, "custom_id") or fields.label(line, "id")
    return _call({}, replace(found, id=name), _OPENAI, otherwise)


def read(line: Mapping[str, Any], otherwise: int | None) -> Call | PassedOver:
    """Read a line that has one answer, or the body of a response.

    Args:
        line: of the archive.
        otherwise: nanoseconds since 1970, for a line that names no time.

    Raises:
        RejectedError: it holds no answer, or a field has a value that it cannot have.
    """
    if bodies.is_body(line):
        found = bodies.read(line)
        return found if isinstance(found, PassedOver) else _call({}, found, None, otherwise)
    for name in ("output", "response"):
        held = line.get(name)
        if isinstance(held, dict):
            found = bodies.read(held)
            return found if isinstance(found, PassedOver) else _call(line, found, None, otherwise)
    return _call(line, Body(None, None, None, None, (_given(line),), {}), None, otherwise)


def _given(line: Mapping[str, Any]) -> Given:
    output = line.get("output")
    if isinstance(output, list):
        output = "".join(choice.text for choice in choices_of(output))
    elif output is None:
        output = fields.text(line, "answer")
    if output is not None and not isinstance(output, str):
        fields.refuse("output", "must be a text, a list of messages, or the body of a response")
    confession = fields.text(line, "confession")
    if output is None and confession is None:
        raise RejectedError(Reason.NO_ANSWER, "there is no `output`, no `answer`, no `confession`, no `response`")
    return Given(output or "", confession)


def _call(line: Mapping[str, Any], found: Body, provider: str | None, otherwise: int | None) -> Call:
    named = fields.moment(line, "time", "timestamp", "created_at") or found.time
    began = named or otherwise
    if began is None:
        raise RejectedError(Reason.NO_TIME, "there is no `time`; --time gives one to lines without")
    lasted = fields.duration(line, "duration")
    ended = began + lasted if lasted is not None else max(began, found.ended or began)
    model = fields.label(line, "model") or requests.model(line.get("request")) or found.model
    name = fields.label(line, "response_id") or fields.label(line, "id") or found.id
    known = {
        "request_model": model,
        "response_id": name,
        "conversation_id": fields.label(line, "conversation_id") or found.conversation_id,
        "provider": fields.label(line, "provider") or provider,
        "agent_name": fields.label(line, "agent_name"),
    }
    answers = _with_fields(line, found.answers)
    trace_id = fields.hexadecimal(line, "trace_id", 32)
    span_id = fields.hexadecimal(line, "span_id", 16)
    if span_id is not None and trace_id is None:
        fields.refuse("span_id", "needs the `trace_id` that it is of")
    # The answer itself, and nothing that is said about it: a field that is added later changes no id.
    source = (name, named, model, [[one.choice, one.text, one.confession] for one in answers])
    attributes = dict(found.attributes)
    if len(answers) == 1 and (reason := answers[0].evidence.finish_reason):
        attributes[semconv.GEN_AI_FINISH_REASONS] = [reason]
    return Call(
        trace_id or identity.trace_id(*source),
        span_id or identity.span_id(*source),
        span_id is not None,
        began,
        ended,
        answers,
        {field: value for field, value in known.items() if value is not None},
        attributes,
    )


def _with_fields(line: Mapping[str, Any], answers: tuple[Given, ...]) -> tuple[Given, ...]:
    """The answers, with what the line says of them beside their body."""
    reason, refusal = fields.label(line, "finish_reason"), fields.label(line, "refusal")
    tools, exception = fields.labels(line, "tool_errors"), fields.label(line, "exception")
    evaluations, asked = fields.labels(line, "failed_evaluations"), requests.asked(line.get("request"))
    confession, choice, source = fields.text(line, "confession"), fields.index(line, "choice"), _source(line)
    if confession is not None and len(answers) > 1:
        fields.refuse("confession", "is one, and the response has several choices")
    return tuple(
        replace(
            one,
            confession=confession,
            choice=one.choice if choice is None or len(answers) > 1 else choice,
            source=source or (semconv.Source.OBSERVE if confession is None else semconv.Source.RECORD),
            evidence=Evidence(
                reason or one.evidence.finish_reason,
                refusal or one.evidence.refusal,
                tools,
                exception,
                request_text=asked.text,
                output_schema=asked.schema,
                evaluations=evaluations,
            ),
        )
        for one in answers
    )


def _source(line: Mapping[str, Any]) -> semconv.Source | None:
    value = fields.label(line, "source")
    if value is None:
        return None
    try:
        return semconv.Source(value)
    except ValueError:
        fields.refuse("source", "must be one of " + ", ".join(semconv.Source))
