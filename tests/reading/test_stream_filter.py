"""`StreamFilter`: what streams to the app is the answer, however the stream is cut, and it comes at once."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confession_otel.reading.in_band import split
from confession_otel.reading.stream_filter import StreamFilter

TAG = "k3f9"
OPEN = f'<confession id="{TAG}">'
CLOSE = "</confession>"

PIECES = [
    OPEN,
    CLOSE,
    f"<confession id='{TAG}' >",
    f"<Confession  ID = {TAG}>",
    f'<confession id="{TAG}',
    f'{TAG}">',
    "<confession",
    "<",
    "</confession id>",
    "</conf",
    "ession>",
    "/",
    ">",
    "`",
    '"',
    "'",
    "\\",
    "\\\\",
    '\\"',
    "{",
    "[",
    "}",
    " ",
    "\n",
    "\t",
    "\n\n",
    "\xa0",
    "text",
    "Objective: x",
    f"`{OPEN}`",
    f'"{OPEN}"',
    '<confession id="other">',
    "é",
    "\u200b",
    f'<confession id=\\"{TAG}\\">',
    "<<",
    "x ",
]
OUTPUTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.text(max_size=60))


def streamed(chunks: list[str], tag: str = TAG) -> tuple[str, str | None]:
    stream = StreamFilter(tag)
    passed_on = "".join(stream.feed(chunk) for chunk in chunks)
    rest, confession = stream.close()
    return passed_on + rest, confession


@st.composite
def cut_outputs(draw: st.DrawFn) -> list[str]:
    output = draw(OUTPUTS)
    cuts = sorted(draw(st.sets(st.integers(0, len(output)), max_size=12)))
    return [output[i:j] for i, j in zip([0, *cuts], [*cuts, len(output)], strict=True)]


@given(cut_outputs())
@example([OPEN, "a", CLOSE, " b "])
@example(["a \n", OPEN, '{"x', "\\", '"', CLOSE, '"}', CLOSE, " b"])
def test_every_way_of_cutting_gives_what_split_gives(chunks: list[str]) -> None:
    assert streamed(chunks) == split("".join(chunks), TAG)


@given(OUTPUTS)
def test_character_by_character_gives_what_split_gives(output: str) -> None:
    assert streamed(list(output)) == split(output, TAG)


def speaks_of_none(output: str) -> bool:
    return TAG not in output and re.search(r"<confession[^<>]*\Z", output, re.IGNORECASE) is None


@given(OUTPUTS.filter(speaks_of_none), st.integers(1, 9))
def test_without_the_tag_the_output_goes_through_unchanged(output: str, size: int) -> None:
    chunks = [output[i : i + size] for i in range(0, len(output), size)]
    assert streamed(chunks) == (output, None)


@given(st.lists(st.text(alphabet="ab<confession id=\"' \n", max_size=8), max_size=12))
def test_only_white_space_and_what_may_be_an_opening_tag_is_held_back(chunks: list[str]) -> None:
    stream = StreamFilter(TAG)
    fed = passed_on = ""
    for chunk in chunks:
        fed += chunk
        passed_on += stream.feed(chunk)
        assert fed.startswith(passed_on)
        held = fed[len(passed_on) :].lstrip()
        assert not held or (held[0] == "<" and "<" not in held[1:] and len(held) < len(OPEN) + 12)


@pytest.mark.parametrize(
    ("chunk", "passed_on"),
    [
        ("text", "text"),
        ("two words", "two words"),
        ("text ", "text"),
        ("text\n\n", "text"),
        ("text <", "text"),
        ("text <con", "text"),
        ('text <confession id="k3', "text"),
        ("a < b", "a < b"),
        ("text <conx", "text <conx"),
        ('text <confession id="k4', 'text <confession id="k4'),
        ("text <confession>", "text <confession>"),
        ("text </confession>", "text </confession>"),
        ("text <confession      id", "text <confession      id"),
        (OPEN, ""),
        (f"{OPEN}content", ""),
        (f"text {OPEN}content{CLOSE}", "text"),
        (f"text\n{OPEN}content{CLOSE}\nmore", "text\nmore"),
        (f"text {OPEN}content{CLOSE}more", "text more"),
    ],
)
def test_what_a_first_chunk_lets_through(chunk: str, passed_on: str) -> None:
    assert StreamFilter(TAG).feed(chunk) == passed_on


def test_white_space_comes_with_the_text_after_it() -> None:
    stream = StreamFilter(TAG)
    assert [stream.feed(chunk) for chunk in ("one\n", "\n", " two", " ")] == ["one", "", "\n\n two", ""]
    assert stream.close() == (" ", None)


def test_text_that_only_began_like_the_tag_is_given_back() -> None:
    stream = StreamFilter(TAG)
    assert [stream.feed(chunk) for chunk in ("a <conf", "ident", " one")] == ["a", " <confident", " one"]
    assert stream.close() == ("", None)


@pytest.mark.parametrize("length", range(len("<confession"), len(OPEN)))
@pytest.mark.parametrize("before", ["", "a", "a\n\n", f"a\n{OPEN}{CLOSE}\n"])
def test_an_answer_cut_off_in_the_opening_tag_ends_before_it(before: str, length: int) -> None:
    stream = StreamFilter(TAG)
    output = before + OPEN[:length]
    assert stream.feed(output) == before.strip()[:1]
    assert stream.close() == ("", "")
    assert stream.cut_off
    assert streamed(list(output)) == split(output, TAG) == (before.strip()[:1], "")


def test_a_confession_before_one_that_is_cut_off_counts() -> None:
    output = f"a\n{OPEN}b{CLOSE}\n{OPEN[:-4]}"
    assert streamed([output]) == split(output, TAG) == ("a", "b")


@pytest.mark.parametrize(
    "end",
    [
        "<",
        "<conf",
        "`<confession",
        f"'{OPEN[:-3]}",
        '<confession id="k4',
        "<confessional",
        "<confession>",
        "<confession/",
    ],
)
def test_what_is_no_beginning_of_the_tag_at_the_end_is_given_back(end: str) -> None:
    output = f"a \n{end}"
    assert streamed([output]) == streamed(list(output)) == split(output, TAG) == (output, None)


def test_a_stream_of_single_characters_costs_no_more_than_its_length() -> None:
    # Were held text looked at again with each chunk, this would take minutes; the suite's time limit is the judge.
    for unit in (" ", "<", "<confession ", f"{OPEN}a", '"', "\\"):
        for start in ("", OPEN, f"{OPEN}{{"):
            output = start + unit * (20_000 // len(unit))
            assert streamed(list(output)) == split(output, TAG)


def test_no_pattern_is_compiled_for_a_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would take longer than all else, and push the patterns of others out of the cache of `re`.
    monkeypatch.setattr(re, "compile", lambda *_: pytest.fail("a pattern is compiled"))
    tag = "0123456789abcdef"
    output = f'one\n<confession id="{tag}">two</confession>'
    assert streamed(list(output), tag) == split(output, tag) == ("one", "two")


@pytest.mark.parametrize("tag", ["", " ", '"', " k3f9", '"k3f9"', "k3 f9", "a>b", "<k>", ".*", "aa"])
@pytest.mark.parametrize("opener", ['<confession id="{}">', "<confession id={}>", "<CONFESSION  id = “{}” >"])
def test_any_tag_is_found_as_it_is(tag: str, opener: str) -> None:
    output = f"one\n{opener.format(tag)}two</confession>"
    assert streamed([output], tag) == streamed(list(output), tag) == ("one", "two")


def test_it_tells_what_it_is_in_the_middle_of() -> None:
    stream = StreamFilter(TAG)
    seen = []
    for chunk in ("one", " \n", "<conf", OPEN[5:], "two", CLOSE, " ", "three"):
        stream.feed(chunk)
        seen.append((stream.holding, stream.held, stream.found))
    assert seen == [
        (False, 0, False),
        (True, 2, False),
        (True, 7, False),
        (True, 2, True),
        (True, 2, True),
        (False, 0, True),
        (True, 1, True),
        (False, 0, True),
    ]
    stream.close()
    assert not stream.cut_off


@pytest.mark.parametrize(
    ("output", "cut_off"),
    [("one", False), (f"{OPEN}two{CLOSE}", False), (f"{OPEN}two", True), (f"{OPEN}two</con", True)],
)
def test_it_tells_an_element_that_nothing_closed(output: str, cut_off: bool) -> None:
    stream = StreamFilter(TAG)
    stream.feed(output)
    assert not stream.cut_off
    stream.close()
    assert stream.cut_off is cut_off
