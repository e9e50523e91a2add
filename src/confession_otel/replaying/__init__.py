"""From a line of an archive to the calls of a model that it tells of, and from these to their telemetry.

    read = read_line(b'{"time": "2026-03-01T12:00:00Z", "output": "..."}')
    read.calls                      # what is to be emitted
    read.rejection                  # or why the line is none of what can be read

`read_line` is one pure function: no input or output, no clock, no state. The same line gives the same calls, with the
same ids, in whatever process and however often. `transcript` and `otlp` each read one family of lines. What needs
OpenTelemetry's SDK is imported by name: `emission` makes spans and events of the calls, `delivery` sends them,
`otlp_json` writes them down.
"""

from .line import LONGEST, read_line
from .records import Call, Given, PassedOver, Read, Reason, Rejection

__all__ = ["LONGEST", "Call", "Given", "PassedOver", "Read", "Reason", "Rejection", "read_line"]
