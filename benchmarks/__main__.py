"""All benchmarks, one after the other: `python -m benchmarks`."""

from __future__ import annotations

from benchmarks import asking, instructions, overhead, overhead_langchain, reading, spans

if __name__ == "__main__":
    reading.main()
    overhead.main()
    instructions.main()
    asking.main()
    spans.main()
    overhead_langchain.main()
