"""What LangChain tells of a run, read: requests, messages, usage, failed tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from langchain_core.messages import ToolMessage

from confession_otel import semconv
from confession_otel.answer import Answer
from confession_otel.corroboration import PART, Asked, ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGeneration, Generation
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from .runs import ModelCall

_PROVIDERS: Final = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "anthropic": "anthropic",
    "amazon_bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "cohere": "cohere",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "x_ai",
    "ibm": "ibm.watsonx.ai",
    "perplexity": "perplexity",
}
"""LangChain's `ls_provider` -> the well-known value of `gen_ai.provider.name`; any other goes as it is."""

_REQUEST: Final[dict[str, tuple[str, type | tuple[type, ...]]]] = {
    "temperature": (semconv.GEN_AI_TEMPERATURE, (int, float)),
    "top_p": (semconv.GEN_AI_TOP_P, (int, float)),
    "max_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
    "max_completion_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
    "seed": (semconv.GEN_AI_SEED, int),
}
_TOOL_TURN: Final = frozenset({"tool_calls", "tool_use", "function_call"})
_SAID: Final = ("text", "output_text", "refusal")
_CONVERSATION: Final = ("thread_id", "session_id", "conversation_id")
"""First comes first."""


def provider_of(name: object) -> str | None:
    """`gen_ai.provider.name` of LangChain's `ls_provider`."""
    return _PROVIDERS.get(name, name) if isinstance(name, str) else None


def parameters_of(parameters: dict[str, Any]) -> dict[str, AttributeValue]:
    """Attributes of the request, from LangChain's `invocation_params`."""
    attributes: dict[str, AttributeValue] = {}
    for name, (key, kind) in _REQUEST.items():
        value = parameters.get(name)
        if isinstance(value, kind) and not isinstance(value, bool):
            attributes[key] = cast("AttributeValue", value)
    return attributes


def mapping(value: object) -> Mapping[str, Any]:
    """What should be one; empty where a provider, or its integration, gives anything else."""
    return value if isinstance(value, dict) else {}


def metadata_of(generation: Generation) -> Mapping[str, Any]:
    """What the provider said of a message."""
    return mapping(getattr(getattr(generation, "message", None), "response_metadata", None))


def usage_of(generation: Generation) -> Mapping[str, Any]:
    """Tokens of a message, as LangChain counts them."""
    return mapping(getattr(getattr(generation, "message", None), "usage_metadata", None))


def finish_reason_of(generation: Generation) -> str | None:
    """Why it ended, in the provider's word."""
    known = {**mapping(generation.generation_info), **metadata_of(generation)}
    incomplete = mapping(known.get("incomplete_details"))
    told = (known.get("finish_reason"), known.get("stop_reason"), incomplete.get("reason"))
    return next((reason for reason in told if isinstance(reason, str) and reason), None)


def model_of(metadata: dict[str, Any], parameters: dict[str, Any]) -> str | None:
    """`gen_ai.request.model`."""
    model = metadata.get("ls_model_name") or parameters.get("model") or parameters.get("model_name")
    return model if isinstance(model, str) else None


def agent_of(metadata: dict[str, Any]) -> str | None:
    """`gen_ai.agent.name`: what `create_agent` was given as its name."""
    name = metadata.get("lc_agent_name")
    return name if isinstance(name, str) and name else None


def conversation_of(metadata: dict[str, Any]) -> str | None:
    """`gen_ai.conversation.id`, from the same keys as `opentelemetry-instrumentation-genai-langchain` takes it."""
    return next((str(found) for key in _CONVERSATION if (found := metadata.get(key))), None)


def failed_tools(output: object, name: str | None) -> tuple[str, ...]:
    """Names of the tools whose failure a tool's output tells: a message, a list of some, a `Command` with some.

    Args:
        output: what the tool gave.
        name: of the tool, where the message has none.
    """
    update = getattr(output, "update", None)
    if isinstance(update, dict):
        output = update.get("messages")
    messages = output if isinstance(output, (list, tuple)) else (output,)
    failed = (
        message.name or name for message in messages if isinstance(message, ToolMessage) and message.status == "error"
    )
    return tuple(one for one in failed if one)


def is_final(message: BaseMessage | None) -> bool:
    """Does the message end the model's turn, rather than call tools or say what it is about to do?"""
    if message is None:
        return True
    if getattr(message, "tool_calls", None) or getattr(message, "invalid_tool_calls", None):
        return False
    if isinstance(message.content, str):
        return True
    blocks = [block for block in message.content if isinstance(block, dict)]
    phases = [block.get("phase") for block in blocks if block.get("type") in _SAID]
    return not phases or any(phase != "commentary" for phase in phases)


def asked(messages: Sequence[BaseMessage], parameters: Mapping[str, Any]) -> Asked:
    """What a request says of the answer that it wants.

    Args:
        messages: of the request.
        parameters: LangChain's `invocation_params`; OpenAI's models have the schema among them, others nowhere.
    """
    told = [str(message.text) for message in messages if message.type == "system"]
    last = next((str(message.text) for message in reversed(messages) if message.type == "human"), "")
    wanted = parameters.get("response_format")
    schema = None
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        schema = mapping(wanted.get("json_schema")).get("schema")
    elif isinstance(wanted, dict) and wanted.get("type") == "json_object":
        schema = {"type": "object"}
    return Asked(PART.join([*told, last]), schema if isinstance(schema, dict) else None)


def answer_of(
    generation: Generation | ChatGeneration, call: ModelCall, span: Span, response_id: str | None, choice: int | None
) -> Answer:
    """One answer of a model."""
    message = getattr(generation, "message", None)
    finish_reason = finish_reason_of(generation)
    refusal = mapping(getattr(message, "additional_kwargs", None)).get("refusal")
    answer = Answer(
        text=generation.text if message is None else str(message.text),
        span=span,
        final=finish_reason not in _TOOL_TURN and is_final(message),
        choice=choice,
        request_model=call.model,
        response_id=response_id,
        provider=call.provider,
        evidence=ended(finish_reason, refusal if isinstance(refusal, str) else None),
        asked=call.asked,
    )
    call.describe(answer)
    return answer


def known_of(generations: list[Any], metadata: Mapping[str, Any], response_id: str | None) -> dict[str, AttributeValue]:
    """Attributes of an answer span that are known after the call."""
    attributes: dict[str, AttributeValue] = {}
    reasons = [finish_reason_of(generation) or "" for generation in generations]
    if any(reasons):
        attributes[semconv.GEN_AI_FINISH_REASONS] = reasons
    if response_id:
        attributes[semconv.GEN_AI_RESPONSE_ID] = response_id
    model = metadata.get("model_name") or metadata.get("model")
    if isinstance(model, str):
        attributes[semconv.GEN_AI_RESPONSE_MODEL] = model
    usage = usage_of(generations[0])
    for name, key in (("input_tokens", semconv.GEN_AI_INPUT_TOKENS), ("output_tokens", semconv.GEN_AI_OUTPUT_TOKENS)):
        if isinstance(usage.get(name), int):
            attributes[key] = usage[name]
    return attributes
