"""The settings as flags: `opentelemetry-instrument --confession_capture verdict python app.py`.

That command makes a flag of every name that begins with `OTEL_` in the modules of the entry point group
`opentelemetry_environment_variables`, and before it starts the program it sets the variable of that very name. So each
name here is the variable that the flag sets, and its value is the one that it stands for; `zero_code` passes it on.
A flag comes before the environment, as all flags of that command do.
"""

from typing import Final

OTEL_CONFESSION_ENABLED: Final = "CONFESSION_OTEL_ENABLED"
"""Off with `false`: nothing is patched."""

OTEL_CONFESSION_CAPTURE: Final = "CONFESSION_OTEL_CAPTURE"
"""How much of the model's words leaves the process: `full`, `redacted` or `verdict`. Default: `full`."""

OTEL_CONFESSION_REDACT: Final = "CONFESSION_OTEL_REDACT"
"""Names of ready redaction patterns, with commas between them; all of them where `capture` is `redacted`."""

OTEL_CONFESSION_TEXT_LIMIT: Final = "CONFESSION_OTEL_TEXT_LIMIT"
"""Characters of each text that leaves, 1 or more. Default: 8192."""

OTEL_CONFESSION_FLAG_ON: Final = "CONFESSION_OTEL_FLAG_ON"
"""Verdicts and conditions that flag an answer, with commas between them.

Default: `non_compliant,contradicted`."""

OTEL_CONFESSION_RULES: Final = "CONFESSION_OTEL_RULES"
"""Rules that hold evidence against a confession: names that are on, or, with a `-` before them, off. Default: `all`."""

OTEL_CONFESSION_ERROR_STATUS: Final = "CONFESSION_OTEL_ERROR_STATUS"
"""Whether a flagged confession's span gets status ERROR. Default: `true`."""

OTEL_CONFESSION_ANSWER_SPANS: Final = "CONFESSION_OTEL_ANSWER_SPANS"
"""`auto` makes a span of the call where no other instrumentation's is live; `never` makes none. Default: `auto`."""

OTEL_CONFESSION_LOG: Final = "CONFESSION_OTEL_LOG"
"""Whether each confession is one structlog line. Default: `false`."""

OTEL_CONFESSION_WAY: Final = "CONFESSION_OTEL_WAY"
"""How a confession is got: `observe` looks only, `ask` sends a request more, `in_band` changes the request.

Default: `observe`."""

OTEL_CONFESSION_POLICIES: Final = "CONFESSION_OTEL_POLICIES"
"""With `ask` and `in_band`: rules of your own, each judged by name, with semicolons between them."""

OTEL_CONFESSION_ASK_MODE: Final = "CONFESSION_OTEL_ASK_MODE"
"""With `ask`: `background`, or `inline` to ask before the call returns. Default: `background`."""

OTEL_CONFESSION_TRIGGERS: Final = "CONFESSION_OTEL_TRIGGERS"
"""With `ask`: about which answers, `always` or `on_evidence`. Default: `always`."""

OTEL_CONFESSION_SAMPLE: Final = "CONFESSION_OTEL_SAMPLE"
"""With `ask`: share of the answers to ask about, 0 to 1. Default: 1."""

OTEL_CONFESSION_MAX_REQUESTS_PER_MINUTE: Final = "CONFESSION_OTEL_MAX_REQUESTS_PER_MINUTE"
"""With `ask`: requests sent in any 60 seconds by each process. Default: 60."""

OTEL_CONFESSION_MAX_TOKENS_PER_MINUTE: Final = "CONFESSION_OTEL_MAX_TOKENS_PER_MINUTE"
"""With `ask`: tokens used in any 60 seconds by each process. Default: no limit."""

OTEL_CONFESSION_MAX_OUTPUT_TOKENS: Final = "CONFESSION_OTEL_MAX_OUTPUT_TOKENS"
"""With `ask`: tokens of a confession, reasoning included. Default: 2000."""

OTEL_CONFESSION_TIMEOUT: Final = "CONFESSION_OTEL_TIMEOUT"
"""With `ask`: seconds a request may take. Default: 30."""

OTEL_CONFESSION_MAX_QUEUE: Final = "CONFESSION_OTEL_MAX_QUEUE"
"""With `ask`: answers that wait to be asked about. Default: 256."""

OTEL_CONFESSION_MAX_CONCURRENCY: Final = "CONFESSION_OTEL_MAX_CONCURRENCY"
"""With `ask`: requests under way at the same time. Default: 4."""

OTEL_CONFESSION_JUDGE_MODEL: Final = "CONFESSION_OTEL_JUDGE_MODEL"
"""Model that the judge of confessions is asked for. Default: the one that answered."""

OTEL_CONFESSION_JUDGE_SAMPLE: Final = "CONFESSION_OTEL_JUDGE_SAMPLE"
"""Share of the confessions that are judged, 0 to 1. Default: 1."""

OTEL_CONFESSION_JUDGE_MAX_REQUESTS_PER_MINUTE: Final = "CONFESSION_OTEL_JUDGE_MAX_REQUESTS_PER_MINUTE"
"""Requests to the judge in any 60 seconds by each process. Default: 20."""

OTEL_CONFESSION_SINKS: Final = "CONFESSION_OTEL_SINKS"
"""Where verdicts go beside OTLP, with commas between them: `phoenix`, `langfuse`. Default: nowhere."""

OTEL_CONFESSION_COMPLETION_HOOK: Final = "CONFESSION_OTEL_COMPLETION_HOOK"
"""Name of another GenAI completion hook to pass everything on to, `upload` for one. Default: none."""
