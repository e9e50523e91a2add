"""What may leave, by capture level: one canary in every text that the model or the user wrote."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import confession_otel as co
from confession_otel import redaction
from confession_otel.privacy import release

if TYPE_CHECKING:
    from conftest import Telemetry

CANARY = "canary-7f3a"
TEXT = json.dumps(
    {
        "compliance_analysis": [
            {
                "objective": f"keep {CANARY} secret",
                "compliance": "not_complied_not_reported",
                "analysis": f"the answer says {CANARY}, mail eve@example.org",
            }
        ],
        "uncertainties_and_conflicts": [f"is {CANARY} a name?"],
        "overall_compliance_grade": 3,
    }
)


def everything(telemetry: Telemetry) -> str:
    """All that left, as text."""
    spans = [span.to_json() for span in telemetry.spans()]
    events = [
        event.log_record.to_json() if hasattr(event.log_record, "to_json") else "" for event in telemetry.events()
    ]
    attributes = [
        repr(dict(event.log_record.attributes or {})) + repr(event.log_record.body) for event in telemetry.events()
    ]
    metrics = [repr(telemetry.counts(name)) for name in ("confession.verdicts", "confession.answers")]
    return "\n".join(spans + events + attributes + metrics)


def left(telemetry: Telemetry, **settings: Any) -> str:
    co.instrument(**telemetry.providers, **settings)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat"):
        co.record(TEXT)
    return everything(telemetry)


def test_full_is_what_people_install_this_for(telemetry: Telemetry) -> None:
    assert CANARY in left(telemetry)


def test_verdict_lets_no_word_out_and_keeps_the_verdict(telemetry: Telemetry) -> None:
    out = left(telemetry, capture="verdict")
    assert CANARY not in out
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.verdict"] == "non_compliant"
    assert attributes["confession.grade"] == 3
    assert attributes["confession.uncertainties.count"] == 1
    assert attributes["confession.text.sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert attributes["confession.text.length"] == len(TEXT)


def test_opentelemetrys_own_no_content_counts_as_verdict(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT")
    assert CANARY not in left(telemetry)


def test_redacted_takes_out_what_the_ready_patterns_know(telemetry: Telemetry) -> None:
    out = left(telemetry, capture="redacted")
    assert "eve@example.org" not in out
    assert "[email]" in out


def test_a_redactor_sees_every_text_that_leaves(telemetry: Telemetry) -> None:
    out = left(telemetry, redact=lambda text: text.replace(CANARY, "[name]"))
    assert CANARY not in out
    assert "[name]" in out


@pytest.mark.parametrize("broken", [lambda text: 1 / 0, lambda text: None], ids=["raises", "gives no text"])
def test_a_broken_redactor_costs_the_text_and_keeps_the_verdict(telemetry: Telemetry, broken: Any) -> None:
    out = left(telemetry, redact=broken)
    assert CANARY not in out
    assert (telemetry.confession().attributes or {})["confession.verdict"] == "non_compliant"
    (dropped,) = telemetry.counts("confession.dropped")
    assert dropped[0] == {"confession.reason": "redaction"}


def test_each_text_is_cut_at_the_limit_and_says_so(telemetry: Telemetry) -> None:
    left(telemetry, text_limit=20)
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.text"] == TEXT[:20]
    assert attributes["confession.text.truncated"] is True
    assert attributes["confession.text.length"] == len(TEXT)
    assert len(str(attributes["confession.why"])) == 20


def test_a_secret_across_the_cut_does_not_leave_in_part() -> None:
    settings = co.Settings.read({}, redact="email", text_limit=100)
    for before in range(80, 120):
        released = release("x" * before + " eve.the.eavesdropper@example.org and more " + "y" * 9000, settings)
        assert released is not None
        assert "eve" not in released.text


def test_redaction_that_shrinks_fills_up_to_the_limit_and_brings_no_half_a_secret_into_sight() -> None:
    settings = co.Settings.read({}, redact="email", text_limit=2000)
    mails = " ".join(f"a.very.long.name.number.{n}@mail.example.org" for n in range(2000))
    released = release(mails, settings)
    assert released is not None
    assert len(released.text) > 1000
    assert set(released.text) <= set("[email] ")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("email", "write to a.b+c@mail.example.org.", "write to [email]."),
        ("email", "no at sign, a@b, or @decorator", "no at sign, a@b, or @decorator"),
        ("card", "card 4111 1111 1111 1111 ok", "card [card] ok"),
        ("card", "order 12345", "order 12345"),
        ("phone", "call +49 30 1234567 now", "call [phone] now"),
        ("phone", "took 1200 tokens, 300 ms", "took 1200 tokens, 300 ms"),
        ("ip", "from 192.168.0.12 today", "from [ip] today"),
        ("ip", "version 1.45.2", "version 1.45.2"),
        ("secret", "key sk-proj-abcDEF123456789 used", "key [secret] used"),
        ("secret", "the skills of AIs", "the skills of AIs"),
        ("secret", "skip_special_tokens, skill-based-matching, pkg_resources_extern", None),
        ("secret", "bearer certificates are fine", None),
        ("secret", "OPENAI_API_KEY_sk-abcDEF1234567890", "OPENAI_API_KEY_[secret]"),
        ("secret", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY----- ok", "[secret] ok"),
        ("secret", "-----BEGIN PRIVATE KEY-----\nMIIE cut", "[secret]"),
        ("card", "at 1732190000000 ms", None),
        ("card", "4111111111111111-exp", "[card]-exp"),
        ("phone", "item 00123456", None),
        ("phone", "call 555-123-4567", "call [phone]"),
        ("ip", "host 2001:db8::1 up", "host [ip] up"),
        ("ip", "at 12:30:45, std::vector", None),
        ("phone", "call 555 123 4567 now", "call [phone] now"),
        ("phone", "call 2 of them: 555 123 4567.", "call 2 of them: [phone]."),
        ("phone", "(212) 555 0142, (212)555.0142", "[phone], [phone]"),
        ("phone", "layers 128 256 512 1024 and 512 256 1024 512", None),
        ("phone", "1 555 123 456, 1555 123 4567, 555 123 45678, 100 200 3000", None),
        ("ip", "at 10.1.2.3.Then", "at [ip].Then"),
        ("ip", "from 10.1.2.3...and 10.0.0.1..10.0.0.9", "from [ip]...and [ip]..[ip]"),
        ("ip", "1.2.3.4.5, 1.2.3.4.dev1, 1.2.3.4_x, v1.2.3.4, 10.1.2.3.example.org", None),
        ("ip", "net 2001:db8:1::, 2001:db8::/32", "net [ip], [ip]/32"),
        ("ip", "std::vector, a::, 12:30: and 10:15::x", None),
        ("secret", "-----BEGIN PRIVATE KEY-----\nMI-IE\n-----BEGIN PRIVATE KEY-----\nMIIE", "[secret][secret]"),
        ("secret", "-----BEGIN PRIVATE KEY-----\n-----\nMI\n-----END PRIVATE KEY----- ok", "[secret] ok"),
        ("secret", "-----BEGIN PRIVATE KEY-----" + " word" * 4000, None),
    ],
)
def test_ready_patterns_find_what_they_name_and_spare_the_rest(name: str, text: str, expected: str | None) -> None:
    assert redaction.ready(frozenset({name}))(text) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("secret", "sk-proj-abcDEF123456789"),
        ("card", "4111 1111 1111 1111"),
        ("phone", "+49 30 1234567"),
        ("ip", "192.168.0.12"),
        ("email", "eve@example.org"),
    ],
)
def test_a_secret_at_the_beginning_of_a_line_is_found_inside_a_json_string(name: str, secret: str) -> None:
    report = json.dumps({"analysis": f"leaked:\n{secret}\nand so on"})
    assert redaction.ready(frozenset({name}))(report) == report.replace("\\n", "\n").replace(secret, f"[{name}]")


@pytest.mark.parametrize(
    "piece",
    [
        *("+1234567890123456789012345678x ", "1 " * 9, "a.b@", "eyJaaaaaaaa-", "::", "((555) ", "sk-a"),
        *("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----a----", "10.1.2.3...", "555 123 ", "2001:db8:1::"),
    ],
)
def test_patterns_take_time_in_proportion_to_hostile_text(piece: str) -> None:
    # Quadratic time would take minutes here, linear time takes some milliseconds; the run's own limit is the check.
    redaction.ready(frozenset({"all"}))(piece * (200_000 // len(piece)))
