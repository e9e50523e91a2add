"""Alert rules for other software's alerting, where it needs to be told of its own identifiers first."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

_DATASOURCE: Final = "@DATASOURCE_UID@"
_TEMPO: Final = "@TEMPO_UID@"
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""What Grafana allows as one."""


def grafana(datasource_uid: str, tempo_uid: str | None = None) -> str:
    """Grafana's alert rules as a provisioning file.

    Args:
        datasource_uid: Of the data source that answers PromQL on the package's metrics.
        tempo_uid: Of the Tempo data source that alerts are to link to; without it they name the query only.

    Raises:
        ValueError: Something is no UID.

    Example:
        >>> grafana("prom").count("datasourceUid: 'prom'")
        9
    """
    for uid in (datasource_uid, tempo_uid):
        if uid is not None and not _UID.fullmatch(uid):
            message = f"{uid!r} is no UID of Grafana's: up to 40 letters, digits, - and _"
            raise ValueError(message)
    template = resources.files(__name__).joinpath("grafana.yaml").read_text(encoding="utf-8")
    lines = [line for line in template.splitlines(keepends=True) if tempo_uid is not None or _TEMPO not in line]
    return "".join(lines).replace(_DATASOURCE, datasource_uid).replace(_TEMPO, tempo_uid or "")
