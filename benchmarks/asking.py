"""What asking in the background adds to observing, for the caller: `python -m benchmarks.asking`.

One process, one client; a coin decides for each call whether it is asked about (`sample` is a callable). Either way one
request of the same size goes out in the background before the next call, so that both kinds of call have the same past,
and what is compared is what the caller waits for.
"""

from __future__ import annotations

import queue
import random
import threading
from statistics import median

import httpx2
import openai
from opentelemetry.instrumentation.utils import suppress_instrumentation

import confession_otel

from . import overhead_worker as worker

CALLS = 1500
WARM_UP = 200


def client() -> openai.OpenAI:
    """A client over a transport that answers in the process."""
    transport = httpx2.MockTransport(worker.answer)
    return openai.OpenAI(api_key="none", base_url=worker.ADDRESS, http_client=httpx2.Client(transport=transport))


def main() -> None:
    """Measure and print."""
    asked = False
    worker.confession_otel_on(way="ask", max_requests_per_minute=1_000_000, sample=lambda _: asked)
    own, other = client(), client()
    begin: queue.SimpleQueue[None] = queue.SimpleQueue()
    done: queue.SimpleQueue[None] = queue.SimpleQueue()

    def background() -> None:
        with suppress_instrumentation():
            while True:
                begin.get()
                other.chat.completions.create(model="model-1", messages=worker.MESSAGES, user="confess")
                done.put(None)

    threading.Thread(target=background, daemon=True).start()
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(CALLS + WARM_UP):
        asked = random.random() < 0.5
        microseconds = worker.chat(own)["call"] / 1000
        if asked:
            confession_otel.flush()
        else:
            begin.put(None)
            done.get()
        # The same for both kinds, right before the next call.
        begin.put(None)
        done.get()
        if number >= WARM_UP:
            taken[asked].append(microseconds)
    observed, with_asking = median(taken[False]), median(taken[True])
    print("\nasking in the background: the caller's call\n")
    print("| observed µs | asked about µs | added µs | ratio |\n|---:|---:|---:|---:|")
    print(f"| {observed:,.1f} | {with_asking:,.1f} | {with_asking - observed:.1f} | {with_asking / observed:.3f} |")


if __name__ == "__main__":
    main()
