"""What the guard lets pass, what it swallows, what it says."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from confession_otel import guard


def test_an_error_of_ours_ends_here_counted_and_said_once(
    caplog: pytest.LogCaptureFixture, swallowed: list[tuple[str, Exception]]
) -> None:
    site = guard.Site("somewhere")
    with caplog.at_level(logging.WARNING, "confession_otel"):
        for _ in range(3):
            with site:
                raise ValueError("the user's words")  # noqa: EM101, TRY003 - a message with words in it is the case
    assert guard.tally() == {"internal_error": 3}
    (record,) = caplog.records
    assert "somewhere" in record.getMessage()
    assert "ValueError at" in record.getMessage()
    assert "the user's words" not in caplog.text
    assert [place for place, _ in swallowed] == ["somewhere"] * 3
    swallowed.clear()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes(kind: type[BaseException]) -> None:
    with pytest.raises(kind), guard.Site("somewhere"):
        raise kind
    assert guard.tally() == {}


def test_the_guard_works_in_a_child_forked_while_its_lock_was_held() -> None:
    with guard._lock:
        child = os.fork()
        if child == 0:
            guard.drop("internal_error", "child", "said in the child")
            os._exit(0 if guard.tally() == {"internal_error": 1} else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


class RaisingHandler(logging.Handler):
    """A log handler of the host's, with a bug."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError


def test_a_log_handler_that_raises_does_not_make_the_guard_raise(swallowed: list[tuple[str, Exception]]) -> None:
    handler = RaisingHandler()
    guard.logger.addHandler(handler)
    try:
        with guard.Site("somewhere"):
            raise ValueError
        guard.drop("not_text", "something", "said")
    finally:
        guard.logger.removeHandler(handler)
    assert guard.tally() == {"internal_error": 1, "not_text": 1}
    swallowed.clear()


def test_a_signal_handler_may_come_to_the_guard_while_its_thread_is_in_it() -> None:
    with guard._lock:
        guard.drop("not_text", "from a signal handler", "said")
    assert guard.tally() == {"not_text": 1}


def test_where_no_logging_is_set_up_warnings_go_to_standard_error() -> None:
    code = "from confession_otel import guard; guard.say_once('x', 'look at %s', 'this')"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("", "look at this (said once)\n")
