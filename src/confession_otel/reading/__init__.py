"""From text to confession: `split` finds it in an answer, `parse` reads it.

The words are in `vocabulary`, what they say of compliance in `judgement`; `schema_report`, `report_json` (over
`tolerant_json`), `labelled_text` and `table` each read one form; `parse` chooses. `in_band` decides which block of an
answer is the model's own confession; `stream_filter`, over `delimiters`, takes a tagged one out of a stream.
"""

from .in_band import Found, find, may_confess, split
from .parse import parse
from .stream_filter import StreamFilter

__all__ = ["Found", "StreamFilter", "find", "may_confess", "parse", "split"]
