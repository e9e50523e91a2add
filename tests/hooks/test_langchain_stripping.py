"""`model | strip_confession()`: the confession goes, all else of the output stays, in every way to call a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from confession_otel import split
from confession_otel.langchain import strip_confession
from confession_otel.langchain.stripping import take_out
from confession_otel.testing import Reply, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REPORT: Final = "Objective: ten words / Result: ✗ did not comply / Why: there are two"
ELEMENT: Final = f"Two words.\n\n<confession>\n{REPORT}\n</confession>"
TAGGED: Final = f'Two words.\n\n<confession id="k3f9">\n{REPORT}\n</confession>'
SECTION: Final = f"Two words.\n\n## Confession\n\n{REPORT}"
CASES: Final = [(ELEMENT, None), (TAGGED, None), (TAGGED, "k3f9")]


def streamed(pieces: list[Any], tag: str | None = None) -> list[Any]:
    return list(strip_confession(tag).transform(iter(pieces)))


async def streamed_async(pieces: list[Any], tag: str | None = None) -> list[Any]:
    async def source() -> AsyncIterator[Any]:
        for piece in pieces:
            yield piece

    return [piece async for piece in strip_confession(tag).atransform(source())]


def text_of(pieces: list[Any]) -> str:
    return "".join(piece if isinstance(piece, str) else str(piece.text) for piece in pieces)


@pytest.mark.parametrize(("output", "tag"), [*CASES, (SECTION, None)])
async def test_texts_and_messages_are_stripped(output: str, tag: str | None) -> None:
    step = strip_confession(tag)
    message = AIMessage(output, id="1")
    assert step.invoke(output) == await step.ainvoke(output) == "Two words."
    assert [one.content for one in step.batch([message, AIMessage("None.")])] == ["Two words.", "None."]
    assert [one.content for one in await step.abatch([message])] == ["Two words."]
    assert [one.content for one in step.stream(message)] == ["Two words."]
    assert [one.content async for one in step.astream(message)] == ["Two words."]
    assert message.content == output


@pytest.mark.parametrize(("output", "tag"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_streams_are_stripped_however_they_are_cut(output: str, tag: str | None, size: int) -> None:
    pieces = [output[at : at + size] for at in range(0, len(output), size)]
    assert text_of(streamed(pieces, tag)) == "Two words."
    chunks = [AIMessageChunk(content=piece, id="1") for piece in pieces]
    passed = streamed(chunks, tag)
    assert text_of(passed) == text_of(await streamed_async(chunks, tag)) == "Two words."
    assert {chunk.id for chunk in passed} == {"1"}
    assert text_of(chunks) == output


@given(
    st.lists(
        st.sampled_from(
            ["word", " ", "\n\n", "<", "<con", "<confession>", '<confession id="k3f9">', "</confession>", "`", REPORT]
        ),
        max_size=12,
    ),
    st.sampled_from([None, "k3f9"]),
)
def test_a_stream_says_what_split_leaves_unless_it_took_what_was_gone_by(pieces: list[str], tag: str | None) -> None:
    output = "".join(pieces)
    left, confession = split(output, tag)
    passed = text_of(streamed(pieces, tag))
    if tag is not None:
        assert passed == left
    else:
        assert passed in (left, output) or (confession is not None and passed.startswith(left))


@pytest.mark.parametrize(
    "output",
    [
        "",
        "No confession here.  \n",
        "a <b> c <",
        "It ends in <confess",
        "The tag `<confession>` is a tag. It goes on.",
        "<confessions> of a mask",
        "<confession>not at the end</confession>, for it goes on",
        "cut < off\n<confession",
    ],
)
def test_what_holds_no_confession_passes_whole(output: str) -> None:
    assert strip_confession().invoke(output) == output
    assert text_of(streamed(list(output))) == output
    assert text_of(streamed([AIMessageChunk(content=one) for one in output])) == output


def test_only_what_may_be_the_beginning_of_a_tag_is_held_back() -> None:
    source = iter(["One ", "two <", "b> three", " <conf", "ess> four"])
    passed: list[str] = []
    lengths = []
    for piece in strip_confession().transform(source):
        passed.append(piece)
        lengths.append(len("".join(passed)))
    assert passed == ["One", " two", " <b> three", " <confess> four"]
    assert lengths[-1] == len("One two <b> three <confess> four")


def test_all_but_the_text_of_a_message_stays() -> None:
    message = AIMessage(
        ELEMENT,
        id="7",
        name="bot",
        tool_calls=[{"id": "1", "name": "search", "args": {"q": "x"}}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"finish_reason": "stop"},
        additional_kwargs={"reasoning_content": "hm"},
    )
    stripped = strip_confession().invoke(message)
    assert stripped == message.model_copy(update={"content": "Two words."})


def test_all_but_the_text_of_chunks_stays_and_they_add_up() -> None:
    pieces = [ELEMENT[at : at + 9] for at in range(0, len(ELEMENT), 9)]
    chunks = [AIMessageChunk(content=piece, id="7", additional_kwargs={"seen": "x"}) for piece in pieces]
    chunks.append(
        AIMessageChunk(
            content="",
            id="7",
            tool_call_chunks=[{"id": "1", "name": "search", "args": '{"q": 1}', "index": 0}],
            usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
            response_metadata={"finish_reason": "stop"},
            chunk_position="last",
        )
    )
    passed = streamed(chunks)
    assert len(passed) == len(chunks)

    def added(pieces: list[Any]) -> Any:
        whole = pieces[0]
        for piece in pieces[1:]:
            whole = whole + piece
        return whole

    assert added(passed) == added(chunks).model_copy(update={"content": "Two words."})


def test_text_that_is_left_comes_before_the_end_of_the_message() -> None:
    chunks = [AIMessageChunk(content="one <", id="1"), AIMessageChunk(content="", id="1", chunk_position="last")]
    assert [chunk.content for chunk in streamed(chunks)] == ["one", " <"]
    assert [chunk.content for chunk in streamed(chunks[:1])] == ["one", " <"]


def test_content_blocks_are_stripped_of_text_alone() -> None:
    reasoning = {"type": "reasoning", "reasoning": "hm"}
    whole = [reasoning, {"type": "text", "text": ELEMENT, "annotations": []}]
    kept = [reasoning, {"type": "text", "text": "Two words.", "annotations": []}]
    assert strip_confession().invoke(AIMessage(whole)).content == kept  # type: ignore[arg-type] # lists are invariant
    apart = [{"type": "text", "text": "Two words."}, {"type": "text", "text": f"\n<confession>{REPORT}</confession>"}]
    assert strip_confession().invoke(AIMessage(apart)).content == apart[:1]  # type: ignore[arg-type] # as above
    assert strip_confession("no").invoke(AIMessage(apart)).content == apart  # type: ignore[arg-type] # as above
    pieces: list[Any] = [[{"type": "text", "text": piece, "index": 0}] for piece in ("Two ", "words. <", "b", " <co")]
    passed = streamed([AIMessageChunk(content=piece, id="1") for piece in pieces])
    assert text_of(passed) == "Two words. <b <co"
    whole_chunk = passed[0] + passed[1] + passed[2] + passed[3] + passed[4]
    assert whole_chunk.content == [{"type": "text", "text": "Two words. <b <co", "index": 0}]


@pytest.mark.parametrize("other", [{"answer": ELEMENT}, [ELEMENT], 7, None])
def test_what_is_neither_text_nor_message_passes(other: Any) -> None:
    assert strip_confession().invoke(other) == other
    assert streamed([other]) == [other]


def test_any_message_is_stripped() -> None:
    assert strip_confession().invoke(HumanMessage(ELEMENT)).content == "Two words."


def test_what_was_cut_off_is_known() -> None:
    message, removed = take_out(AIMessage('Two.\n<confession id="t">{"compliance_analysis"'), "t")
    assert message.content == "Two."
    assert removed is not None
    assert removed.truncated


@pytest.fixture
def model(http_clients: dict[str, Any]) -> Iterator[ChatOpenAI]:
    with ScriptedServer(lambda request: Reply(chat_completion(ELEMENT, completion_tokens=9), piece=4)) as server:
        key = SecretStr("none")
        yield ChatOpenAI(model="m-1", base_url=server.base_url, api_key=key, stream_usage=True, **http_clients)


async def test_in_a_chain_it_takes_the_place_of_nothing_else(model: ChatOpenAI) -> None:
    chain = model | strip_confession()
    assert chain.invoke("?").content == (await chain.ainvoke("?")).content == "Two words."
    assert chain.invoke("?").usage_metadata["output_tokens"] == 9
    pieces = list(chain.stream("?"))
    assert text_of(pieces) == text_of([piece async for piece in chain.astream("?")]) == "Two words."
    assert sum((piece.usage_metadata or {}).get("output_tokens", 0) for piece in pieces) == 9
    assert "".join((chain | StrOutputParser()).stream("?")) == "Two words."
    assert "".join((model | StrOutputParser() | strip_confession()).stream("?")) == "Two words."


def test_a_model_that_does_not_stream_is_stripped_in_a_stream_of_sections_too() -> None:
    model: RunnableLambda[Any, Any] = RunnableLambda(lambda _: AIMessage(SECTION))
    assert text_of(list((model | strip_confession()).stream("?"))) == "Two words."


def test_a_fake_models_stream_is_stripped() -> None:
    chain = GenericFakeChatModel(messages=iter([AIMessage(ELEMENT)])) | strip_confession()
    assert text_of(list(chain.stream("?"))) == "Two words."


def test_whatever_fails_in_us_the_output_passes(
    monkeypatch: pytest.MonkeyPatch, swallowed: list[tuple[str, Exception]]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr("confession_otel.langchain.stripping.split", broken)
    monkeypatch.setattr("confession_otel.langchain.stripping._Untagged.feed", broken)
    assert strip_confession().invoke(ELEMENT) == ELEMENT
    assert text_of(streamed(list(ELEMENT))) == ELEMENT
    assert swallowed
    swallowed.clear()
