"""What the loopback server answers: the same words to everybody, and to whoever offers a tool first a call of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from confession_otel.testing import anthropic_message, chat_completion, gemini_response, response

if TYPE_CHECKING:
    from confession_otel.testing import Request

ANSWER: Final = "I am one of them.\n\n## Confession\n\nObjective: say which / Result: ✗ did not comply / Why: I did not"
TOOL: Final = ("look_up", '{"place": "Ulm"}')
_RESULT: Final = b"is a place."
"""Of the tool."""


def reply_to(request: Request) -> Any:
    """An answer whose identifiers depend on the model that was asked and on the turn, so that runs can be compared."""
    asked = request.json
    calls = [TOOL] if asked.get("tools") and _RESULT not in request.content else []
    text = None if calls else ANSWER
    name = asked.get("model") or request.path.rpartition("/")[2].partition(":")[0]
    turn = f"{name}-call" if calls else f"{name}-answer"
    if request.path.startswith("/v1/messages"):
        return _steady(anthropic_message(text, model=name, id=f"msg_{turn}", tool_calls=calls), turn)
    if "enerateContent" in request.path:
        return _steady(gemini_response(text, model=name, id=turn, tool_calls=calls), turn)
    if request.path.endswith("/responses"):
        return _steady(response(text, model=name, id=f"resp_{turn}", tool_calls=calls), turn) | {"created_at": 1}
    texts = [text] * (asked.get("n") or 1)
    return _steady(chat_completion(*texts, model=name, id=f"chatcmpl-{turn}", tool_calls=calls), turn) | {"created": 1}


def _steady(body: Any, turn: str) -> Any:
    """The body, with ids of its parts that are the same in every run."""
    if isinstance(body, list):
        return [_steady(one, f"{turn}-{number}") for number, one in enumerate(body)]
    if not isinstance(body, dict):
        return body
    fixed = {key: _steady(value, turn) for key, value in body.items()}
    for key in ("id", "call_id"):
        if "_" in str(fixed.get(key)) and len(str(fixed[key]).rpartition("_")[2]) == 32:
            fixed[key] = f"{str(fixed[key]).partition('_')[0]}_{turn}"
    return fixed
