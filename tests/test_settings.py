"""Keyword over environment variable over default; clear errors for persons, clear warnings for services."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import confession_otel as co
from confession_otel.settings import AnswerSpans, Capture, Settings


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = Settings.read({})
    assert settings == Settings(
        enabled=True,
        capture=Capture.FULL,
        redact=None,
        text_limit=8192,
        flag_on=frozenset({"non_compliant", "contradicted"}),
        error_status=True,
        answer_spans=AnswerSpans.AUTO,
        log=False,
    )


def test_a_keyword_comes_before_the_environment_and_that_before_the_default() -> None:
    environment = {"CONFESSION_OTEL_TEXT_LIMIT": "100", "CONFESSION_OTEL_LOG": "yes"}
    settings = Settings.read(environment, text_limit=7)
    assert (settings.text_limit, settings.log, settings.error_status) == (7, True, True)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CONFESSION_OTEL_LOG", "maybe", "true or false"),
        ("CONFESSION_OTEL_TEXT_LIMIT", "-1", "1 or more"),
        ("CONFESSION_OTEL_TEXT_LIMIT", "8k", "whole number"),
        ("CONFESSION_OTEL_FLAG_ON", "non_compliant,evil", "not evil"),
        ("CONFESSION_OTEL_COLOUR", "blue", "is no setting"),
    ],
)
def test_a_bad_variable_is_said_with_what_is_allowed_and_the_default_stands(
    caplog: pytest.LogCaptureFixture, variable: str, value: str, said: str
) -> None:
    with caplog.at_level(logging.WARNING, "confession_otel"):
        settings = Settings.read({variable: value})
    assert settings == Settings.read({})
    (record,) = caplog.records
    assert variable in record.getMessage()
    assert said in record.getMessage()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CONFESSION_OTEL_CAPTURE", "verdikt", "full, redacted, verdict"),
        ("CONFESSION_OTEL_REDACT", "mail", "email"),
        ("CONFESSION_OTEL_CAPUTRE", "verdict", "did you mean CONFESSION_OTEL_CAPTURE? no text leaves"),
        ("CONFESSION_OTEL_REDACTION", "email", "did you mean CONFESSION_OTEL_REDACT? no text leaves"),
    ],
)
def test_who_mistypes_what_was_to_keep_words_in_lets_none_out(
    caplog: pytest.LogCaptureFixture, variable: str, value: str, said: str
) -> None:
    with caplog.at_level(logging.WARNING, "confession_otel"):
        settings = Settings.read({"CONFESSION_OTEL_CAPTURE": "full", variable: value})
    assert settings.capture is Capture.VERDICT
    assert said in caplog.text
    assert "no text leaves" in caplog.text


@pytest.mark.parametrize(
    ("keywords", "error", "said"),
    [
        ({"capture": "everything"}, ValueError, "full, redacted, verdict"),
        ({"text_limit": 0}, ValueError, "1 or more"),
        ({"text_limit": True}, ValueError, "whole number"),
        ({"flag_on": ["evil"]}, ValueError, "not evil"),
        ({"redact": 7}, ValueError, "names"),
        ({"colour": "blue"}, TypeError, "no setting colour"),
    ],
)
def test_a_bad_keyword_raises_and_says_what_is_allowed(
    keywords: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        co.instrument(**keywords)


def test_none_stands_for_not_given() -> None:
    assert Settings.read({}, capture=None, redact=None) == Settings.read({})


def test_our_own_variable_is_more_specific_than_opentelemetrys() -> None:
    no_content = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "no_content"}
    assert Settings.read(no_content).capture is Capture.VERDICT
    assert Settings.read({**no_content, "CONFESSION_OTEL_CAPTURE": "redacted"}).capture is Capture.REDACTED
    assert Settings.read(no_content, capture="full").capture is Capture.FULL


@pytest.mark.parametrize("value", ["false", "0", "off", "No_Content"])
def test_every_word_for_off_counts_as_no_content(value: str) -> None:
    environment = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value}
    assert Settings.read(environment).capture is Capture.VERDICT


def test_redacted_with_no_pattern_named_takes_them_all() -> None:
    redact = Settings.read({}, capture="redacted", redact=[]).redact
    assert redact is not None
    assert redact("eve@example.org") == "[email]"


def test_other_values_of_opentelemetrys_variable_change_nothing() -> None:
    assert Settings.read({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}).capture is Capture.FULL


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings.read({}).log = True  # type: ignore[misc] # that is the point
