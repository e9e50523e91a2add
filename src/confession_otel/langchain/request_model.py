"""The model object of an answer, made ready for one request more: a copy, with what belongs to one request set anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

_LIMITS: Final = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "num_predict",
    "max_tokens_to_sample",
)
"""What a model calls the most tokens of an answer, as a field of its own and in a call."""
_OF_ONE_REQUEST: Final = frozenset(
    {
        "audio",
        "background",
        "conversation",
        "function_call",
        "logit_bias",
        "logprobs",
        "ls_structured_output_format",
        "metadata",
        "modalities",
        "n",
        "prediction",
        "stop",
        "stop_sequences",
        "store",
        "stream",
        "stream_options",
        "stream_usage",
        "structured_output_format",
        "tool_choice",
        "top_logprobs",
        "web_search_options",
    }
)
"""What a follow-up does not repeat. All else stays as it is, so that the provider's prompt cache holds."""
_NEUTRAL: Final = {
    "logit_bias": None,
    "logprobs": None,
    "n": 1,
    "stop": None,
    "stop_sequences": None,
    "store": None,
    "streaming": False,
    "top_logprobs": None,
}
"""Fields of a model that a follow-up has otherwise."""
_OF_SCHEMAS: Final = frozenset(
    {"format", "output_format", "response_format", "response_json_schema", "response_mime_type", "response_schema"}
)
"""What holds an answer to a schema of the caller's, which would not let the model report."""
_LETS_REPORT: Final = frozenset({"json_object", "text"})
"""Kinds of `response_format` that do."""


def model_for(
    model: BaseChatModel, keywords: Mapping[str, Any], seconds: float, tokens: int
) -> tuple[BaseChatModel, dict[str, Any]]:
    """The model and the keywords of a request: a copy, in which what belongs to the application's own is set anew."""
    keywords = dict(keywords)
    fields = type(model).model_fields
    changed: dict[str, Any] = {
        name: neutral
        for name, neutral in _NEUTRAL.items()
        if name in fields and getattr(model, name) not in (None, neutral)
    }
    if isinstance(bound := getattr(model, "model_kwargs", None), dict) and "model_kwargs" in fields:
        changed["model_kwargs"] = kept(bound)
    thinking = keywords.get("thinking") or getattr(model, "thinking", None)
    if isinstance(thinking, dict) and isinstance(budget := thinking.get("budget_tokens"), int):
        # Anthropic counts it in, and refuses a limit below it.
        tokens += budget
    given = [name for name in _LIMITS if name in keywords]
    for name in given:
        keywords[name] = tokens
    for name in (name for name in _LIMITS if name in fields):
        if not given or getattr(model, name) is not None:
            changed[name] = tokens
        break
    for root, inner in (("root_client", "client"), ("root_async_client", "async_client")):
        client = getattr(model, root, None)
        # One that somebody has wrapped or replaced is used as it is.
        if is_openai(model) and client is not None and getattr(model, inner) is client.chat.completions:
            changed[root] = client.with_options(timeout=seconds, max_retries=0)
            changed[inner] = changed[root].chat.completions
    # At the end of a copy it would close what the application goes on to use.
    if hasattr(type(model), "__del__"):
        return model, keywords
    return model.model_copy(update=changed), keywords


def kept(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Of what the provider is sent, what it is sent again."""
    kept = {name: value for name, value in keywords.items() if name not in _OF_ONE_REQUEST | _OF_SCHEMAS}
    wanted = keywords.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") in _LETS_REPORT:
        kept["response_format"] = wanted
    # OpenAI's responses have it in `text`, Anthropic in `output_config`.
    for name in ("text", "output_config"):
        if isinstance(value := kept.get(name), dict):
            kept[name] = {key: one for key, one in value.items() if key != "format"}
    return kept


def is_openai(model: BaseChatModel) -> bool:
    """Is it one of the package `langchain_openai`, or made of one?"""
    return any(kind.__module__.partition(".")[0] == "langchain_openai" for kind in type(model).__mro__)
