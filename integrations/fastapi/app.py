"""A service that asks a model: `opentelemetry-instrument uvicorn app:app`."""

from typing import Annotated

from fastapi import Body, FastAPI
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI()


@app.post("/ask")
async def ask(question: Annotated[str, Body(embed=True)]) -> dict[str, str | None]:
    """Pass the question on to the model, and its answer back."""
    completion = await client.chat.completions.create(
        model="gpt-5.2",
        messages=[
            {"role": "system", "content": "After your answer, confess under the heading 'Confession'."},
            {"role": "user", "content": question},
        ],
    )
    return {"answer": completion.choices[0].message.content}
