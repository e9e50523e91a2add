"""Every name that leaves this package: attributes, event, metrics, label values. Literals stand nowhere else.

Own names live under `confession.*`. Names under `gen_ai.*` are those of the OpenTelemetry GenAI conventions
(github.com/open-telemetry/semantic-conventions-genai); none is invented. They are written out here because the Python
package of semantic conventions marks its copies deprecated and has no successor. The docstring under a constant is its
row in `docs/conventions.md`, which is generated from this file.
"""

from __future__ import annotations

from typing import Final

from .confession import StrEnum

SCOPE: Final = "confession_otel"
"""Instrumentation scope of all our spans, events and metrics."""

# --- The verdict: on the answer span (while it records) and on the confession span ------------------------------------

ID: Final = "confession.id"
"""string · Same on answer span, confession span and event: 32 hex digits made from answer ids and text, so a replay gives the same."""

VERDICT: Final = "confession.verdict"
"""string · `compliant`, `partially_compliant`, `non_compliant`, `unsure` or `unparsed`: what the model itself says of its answer."""

FLAGGED: Final = "confession.flagged"
"""boolean · Should a person look? Set by policy (`flag_on`); alert on this one."""

SCORE: Final = "confession.score"
"""double · Mean over the objectives with a known result (complied 1, partial 0.5, failed 0); absent where none is known."""

SOURCE: Final = "confession.source"
"""string · How the confession was got: `observe` (found in the answer), `ask` (by a request of its own), `in_band` (appended as told) or `record` (by hand)."""

DISCLOSURE: Final = "confession.disclosure"
"""string · Was the shortfall told to the user in the answer: `disclosed`, `undisclosed`, `misrepresented`; absent where the text does not say."""

# --- The rest of the confession: on the confession span only ----------------------------------------------------------

SPAN: Final = "confession"
"""Name of the confession span: INTERNAL, child of the answer span, with one link to it."""

TEXT: Final = "confession.text"
"""string · The confession as the model wrote it, under the capture level, redaction and the text limit."""

TEXT_TRUNCATED: Final = "confession.text.truncated"
"""boolean · True where the text limit cut `confession.text`."""

TEXT_LENGTH: Final = "confession.text.length"
"""int · Characters of the whole confession, where not all of it left."""

TEXT_SHA256: Final = "confession.text.sha256"
"""string · SHA-256 of the whole confession in UTF-8 (hex), where not all of it left: for audit."""

OBJECTIVE: Final = "confession.objective"
"""string · The objective that decided the verdict (content: follows the capture level)."""

WHY: Final = "confession.why"
"""string · The model's reason for that objective's result (content: follows the capture level)."""

UNCERTAINTIES: Final = "confession.uncertainties"
"""string[] · Conflicts and judgement calls the model lists (content: follows the capture level)."""

UNCERTAINTIES_COUNT: Final = "confession.uncertainties.count"
"""int · How many of them, where there are any; they change no verdict."""

OBJECTIVES_COUNT: Final = "confession.objectives.count"
"""int · How many objectives the confession judges."""

OBJECTIVES_COMPLIED: Final = "confession.objectives.complied"
"""int · Of these, complied; as the next three, absent where there is none."""

OBJECTIVES_PARTIAL: Final = "confession.objectives.partial"
"""int · Of these, partial."""

OBJECTIVES_FAILED: Final = "confession.objectives.failed"
"""int · Of these, failed."""

OBJECTIVES_UNSURE: Final = "confession.objectives.unsure"
"""int · Of these, unsure."""

GRADE: Final = "confession.grade"
"""int · 1 to 7 on the published scale: how honestly the answer reported, not how well it did."""

FORMAT: Final = "confession.format"
"""string · `json`, `text` or `table`; absent where nothing was read."""

PROBLEM: Final = "confession.problem"
"""string · Why the verdict is `unparsed`: `empty`, `refusal`, `no_result`, `cut_off`, `not_a_report`."""

TRUNCATED: Final = "confession.truncated"
"""boolean · True where the model's report ends in the middle; what was read so far counts."""

CONTRADICTED: Final = "confession.contradicted"
"""boolean · True where evidence of the same call does not fit the verdict."""

CONTRADICTIONS: Final = "confession.contradictions"
"""string[] · Names of the rules that found so."""

SPOOF_SUSPECTED: Final = "confession.spoof_suspected"
"""boolean · True where confession-shaped text elsewhere in the answer (quoted, in code, in the middle) was passed over."""

CHOICE: Final = "confession.choice"
"""int · Index of the choice the confession stands in, where the call gave more than one."""

OBJECTIVES_UNADDRESSED: Final = "confession.objectives.unaddressed"
"""string[] · The operator's policies that the confession was told to judge and did not."""

TEST: Final = "confession.test"
"""boolean · True on both spans that `confession-otel doctor --send` sends: a test, about no answer."""

# --- How it was asked for: on the confession span, which then lasts as long as the request ------------------------------

QUESTION_VERSION: Final = "confession.question.version"
"""string · Version of the wording that asked for the confession."""

QUESTION_ROLE: Final = "confession.question.role"
"""string · In whose name the question stood in the conversation: `system`, `developer` or `user`."""

ASKING_RESPONSE_ID: Final = "confession.asking.response.id"
"""string · Id of the response that is the confession; `gen_ai.response.id` is the answer's."""

ASKING_INPUT_TOKENS: Final = "confession.asking.input_tokens"
"""int · Tokens of the question and of the conversation before it; never part of the answer's usage."""

ASKING_CACHED_TOKENS: Final = "confession.asking.cached_tokens"
"""int · Of these, tokens that came from the provider's cache."""

ASKING_OUTPUT_TOKENS: Final = "confession.asking.output_tokens"
"""int · Tokens of the confession."""

# --- What a judge says of the confession (`judge_client`): on a span of its own and in an event --------------------------

HONESTY_SPAN: Final = "confession.honesty"
"""Name of the span of a judgement: INTERNAL, child of the answer span, with one link to the confession span; lasts as long as the judge's request."""

HONESTY_SCORE: Final = "confession.honesty.score"
"""double · How honest the judge finds the confession, 0 to 1: mean of the next three."""

HONESTY_LABEL: Final = "confession.honesty.label"
"""string · `honest` (score at least 0.75), `doubtful`, or `dishonest` (below 0.4)."""

HONESTY_OBJECTIVES: Final = "confession.honesty.objectives"
"""double · 0 to 1: are the objectives that it lists complete and right?"""

HONESTY_ANALYSIS: Final = "confession.honesty.analysis"
"""double · 0 to 1: is what it says of each of them right?"""

HONESTY_UNCERTAINTIES: Final = "confession.honesty.uncertainties"
"""double · 0 to 1: are conflicts, ambiguities and judgement calls told, where there were any?"""

HONESTY_WHY: Final = "confession.honesty.why"
"""string · The judge's reason (content: follows the capture level)."""

HONESTY_QUESTION_VERSION: Final = "confession.honesty.question.version"
"""string · Version of the wording that asked the judge."""

# --- Event ------------------------------------------------------------------------------------------------------------

EVENT: Final = "gen_ai.evaluation.result"
"""Event of the GenAI conventions, in the answer span's context; WARN when flagged or unparsed, else INFO."""

EVALUATION_NAME: Final = "gen_ai.evaluation.name"
"""string · `confession.compliance`; of a judgement `confession.honesty`."""

EVALUATION_COMPLIANCE: Final = "confession.compliance"
"""Value of `gen_ai.evaluation.name`."""

EVALUATION_HONESTY: Final = "confession.honesty"
"""Value of `gen_ai.evaluation.name` in the event of a judgement."""

EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
"""double · `confession.score`; absent where there is none."""

EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
"""string · `confession.verdict`."""

EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
"""string · `confession.why` (content: follows the capture level)."""

# --- What came of the answer (`record_outcome`): on a span of its own, in an event, and as labels of the metric --------

OUTCOME: Final = "confession.outcome"
"""Name of the outcome's event, in the answer span's context, and of its span: INTERNAL, without length, with one link to the answer span."""

OUTCOME_FAILED: Final = "confession.outcome.failed"
"""boolean · Ground truth: did the answer fail to do what was asked of it?"""

OUTCOME_CONFESSED: Final = "confession.outcome.confessed"
"""string · Did its confession say so: `true` (verdict `non_compliant`), `false`, or `unknown` (no confession known, or `unparsed`)."""

OUTCOME_SOURCE: Final = "confession.outcome.source"
"""string · Who says what came of it: `human`, `test`, the name of an evaluation; at most 32 in a process, then `other`."""

# --- Metrics ----------------------------------------------------------------------------------------------------------

METRIC_VERDICTS: Final = "confession.verdicts"
"""counter {confession} · Confessions by `confession.verdict`, `confession.flagged`, `confession.source`, `gen_ai.request.model`."""

METRIC_ANSWERS: Final = "confession.answers"
"""counter {answer} · Coverage: final answers seen, by `confession.status` and, where one applies, `confession.reason`."""

METRIC_OUTCOMES: Final = "confession.outcomes"
"""counter {answer} · Answers with a known outcome, by `confession.outcome.failed`, `confession.outcome.confessed`, `confession.outcome.source`, `gen_ai.request.model`."""

METRIC_DROPPED: Final = "confession.dropped"
"""counter {item} · What was not recorded, by `confession.reason`; an error of ours that was swallowed is one of them."""

METRIC_ASKING_DURATION: Final = "confession.asking.duration"
"""histogram s · How long the request for a confession took, by `gen_ai.request.model` and, where it failed, `error.type`."""

METRIC_ASKING_TOKENS: Final = "confession.asking.tokens"
"""counter {token} · Tokens that asking used, by `gen_ai.token.type` and `gen_ai.request.model`."""

METRIC_JUDGEMENTS: Final = "confession.honesty.judgements"
"""counter {judgement} · Confessions that a judge was asked about, by `confession.honesty.label` or `error.type`, and `gen_ai.request.model` of the judge."""

PURPOSE: Final = "confession.asking.purpose"
"""string · On `confession.asking.duration` and `confession.asking.tokens`: `judge` where a judge was asked; absent where a confession was."""

PURPOSE_JUDGE: Final = "judge"
"""Value of `confession.asking.purpose`."""

STATUS: Final = "confession.status"
"""string · On `confession.answers`: `confessed`, `absent`, `not_asked` or `failed`."""

REASON: Final = "confession.reason"
"""string · On `confession.dropped` and `confession.answers`: why (a short fixed word)."""

# --- Names of others that we write ------------------------------------------------------------------------------------

ERROR_TYPE: Final = "error.type"
"""string · On a flagged confession span: the condition that flagged; on an own answer span, and where asking failed: the exception's type."""

OPENINFERENCE_SPAN_KIND: Final = "openinference.span.kind"
"""string · `EVALUATOR` on confession spans, so that OpenInference backends draw them as such."""

OPENINFERENCE_EVALUATOR: Final = "EVALUATOR"
"""Value of `openinference.span.kind`."""

OPENINFERENCE_PROJECT: Final = "openinference.project.name"
"""string · Resource attribute that names Phoenix's project; set by the demo alone, looked at by the doctor."""

OPENINFERENCE_INPUT: Final = "input.value"
"""string · Only on the demo's own spans."""

OPENINFERENCE_OUTPUT: Final = "output.value"
"""string · On the confession span, what OpenInference backends show first: verdict, deciding objective and why (content: follows the capture level)."""

GEN_AI_OPERATION: Final = "gen_ai.operation.name"
"""string · `chat` on an answer span of our own, `text_completion` for a completion model of LangChain's; never on a confession span."""

GEN_AI_CHAT: Final = "chat"
"""Value of `gen_ai.operation.name`."""

GEN_AI_TEXT_COMPLETION: Final = "text_completion"
"""Value of `gen_ai.operation.name`."""

GEN_AI_PROVIDER: Final = "gen_ai.provider.name"
"""string · Provider of the model, copied to the confession span."""

GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
"""string · Model asked for, copied to the confession span and the metrics."""

GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
"""string · Model that answered."""

GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
"""string · Id of the answer, copied to the confession span and the event."""

GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
"""string · Conversation, where the call names one; copied to the confession span."""

GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
"""string · Agent, where known; copied to the confession span."""

GEN_AI_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
"""string[] · One for each choice."""

GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
"""string · `text` or `json`, where the request says."""

GEN_AI_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
"""int · Choices asked for, where not 1."""

GEN_AI_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
"""int · Of the request."""

GEN_AI_TEMPERATURE: Final = "gen_ai.request.temperature"
"""double · Of the request."""

GEN_AI_TOP_P: Final = "gen_ai.request.top_p"
"""double · Of the request."""

GEN_AI_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
"""double · Of the request."""

GEN_AI_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
"""double · Of the request."""

GEN_AI_SEED: Final = "gen_ai.request.seed"
"""int · Of the request."""

GEN_AI_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
"""string[] · Of the request."""

GEN_AI_STREAM: Final = "gen_ai.request.stream"
"""boolean · True where the answer was streamed."""

GEN_AI_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""double · Seconds from the request to the first chunk of a stream."""

GEN_AI_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""int · Tokens of the prompt."""

GEN_AI_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
"""int · Tokens of the answer, a confession in it included: as billed."""

GEN_AI_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
"""int · Tokens of the prompt that came from the provider's cache."""

GEN_AI_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
"""int · Tokens of the answer that were reasoning."""

SERVER_ADDRESS: Final = "server.address"
"""string · Host of the model's API."""

SERVER_PORT: Final = "server.port"
"""int · Its port."""


GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"
"""string · On `confession.asking.tokens`: `input` or `output`."""

GEN_AI_TOKEN_INPUT: Final = "input"
"""Value of `gen_ai.token.type`."""

GEN_AI_TOKEN_OUTPUT: Final = "output"
"""Value of `gen_ai.token.type`."""


class Source(StrEnum):
    """Values of `confession.source`."""

    OBSERVE = "observe"
    ASK = "ask"
    IN_BAND = "in_band"
    RECORD = "record"


class Status(StrEnum):
    """Values of `confession.status` on the coverage counter `confession.answers`."""

    CONFESSED = "confessed"
    ABSENT = "absent"
    NOT_ASKED = "not_asked"
    FAILED = "failed"


class Absent(StrEnum):
    """Values of `confession.reason` on `confession.answers`, where it is not that no confession was there."""

    UNREAD = "unread"
    """The answer could not be looked at: the host left it unread, or read it past the SDK's own types."""
    NO_CONTENT = "no_content"
    """The span that another instrumentation made of the call holds none of its words: capturing is off, or redacted."""
    TRUNCATED = "truncated"
    """That span holds a part of its words only, which an attribute limit cut off; or a block that the model was told to
    append was cut off before its first word."""


class NotAsked(StrEnum):
    """Values of `confession.reason` on `confession.answers` with status `not_asked`."""

    SAMPLED_OUT = "sampled_out"
    """Not in the share that `sample` takes."""
    NO_TRIGGER = "no_trigger"
    """`triggers=on_evidence`, and nothing spoke against the answer."""
    REQUEST_RATE = "request_rate"
    """`max_requests_per_minute` is used up."""
    TOKEN_RATE = "token_rate"
    """`max_tokens_per_minute` is used up."""
    PAUSED = "paused"
    """Several requests in a row failed, and the pause after them lasts."""
    QUEUE_FULL = "queue_full"
    """`max_queue` answers wait already."""
    SHUT_DOWN = "shut_down"
    """The process ends, or `shutdown()` was called, before it could be asked or had replied."""
    NO_CLIENT = "no_client"
    """The hook that saw the answer has no client to ask through."""
    NOT_TOLD = "not_told"
    """`in_band`: the request was left as it was, for its answer has a form of the caller's own, or it is not ours to change."""


class Confessed(StrEnum):
    """Values of `confession.outcome.confessed`."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Dropped(StrEnum):
    """Values of `confession.reason` on the counter `confession.dropped`."""

    INTERNAL_ERROR = "internal_error"
    """An exception of ours, swallowed by the guard."""
    NOT_TEXT = "not_text"
    """`record()` got something that is neither a text nor a `Confession`."""
    NOT_A_SPAN = "not_a_span"
    """`record()` got something for a span that is none; the confession is recorded without its answer."""
    NOT_EVIDENCE = "not_evidence"
    """`record()` got something for evidence that is none; the confession is recorded without it."""
    NOT_AN_OUTCOME = "not_an_outcome"
    """`record_outcome()` got something for `failed` that is neither true nor false."""
    NOT_AN_ANSWER = "not_an_answer"
    """`record_outcome()` got something for an answer that names none; the outcome is recorded without it."""
    NOT_A_VERDICT = "not_a_verdict"
    """`record_outcome()` got something for `verdict` or `confessed` that is none; the outcome is recorded without it."""
    NO_PROVIDER = "no_provider"
    """No OpenTelemetry SDK is set up, so the confession span went nowhere."""
    REDACTION = "redaction"
    """The redactor raised; the text stayed in the service, the verdict left."""
    SINK = "sink"
    """A sink did not get a verdict: its backend did not take it, or too many waited; all other signals were emitted."""
