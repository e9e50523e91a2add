"""The figures on docs/trusting-a-confession.md are the published ones, and what follows from them.

`WRITE_DOCS=1 pytest tests/test_trusting.py` writes the tables.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from confession_otel.calibration.published import MEAN_CONFESSED_GIVEN_FAILED, MEAN_MISSED_JOINT, TABLE_1

if TYPE_CHECKING:
    from confession_otel.calibration.published import Published

DOCS: Final = Path(__file__).parent.parent / "docs" / "trusting-a-confession.md"
ANSWERS: Final = 1000
FAILED: Final = 10


def published() -> str:
    rows = [
        (
            "| test | answers that failed | failures confessed | failures admitted in the answer"
            " | good answers confessed as failures | confessed failures that were failures |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for row in TABLE_1:
        wrong = "–" if row.confessed_given_complied is None else f"{row.confessed_given_complied:g}"
        rows.append(
            f"| {row.evaluation} | {row.failed:g} | {row.confessed_given_failed:g} | {row.admitted_given_failed:g}"
            f" | {wrong} | {row.precision:.1f} |"
        )
    rows.append(f"| mean over the tests | | {MEAN_CONFESSED_GIVEN_FAILED:.1f} | | | |")
    return "\n".join(rows) + "\n"


def at(row: Published, share: float) -> float:
    """Precision in percent where this share of the answers failed."""
    right = share * row.confessed_given_failed
    return 100 * right / (right + (1 - share) * (row.confessed_given_complied or 0))


def base_rates() -> str:
    rows = [
        (
            "| at the rates of | failures flagged, of 10 | good answers flagged, of 990 | flags that are right"
            " | where 10 % fail |"
        ),
        "|---|---|---|---|---|",
    ]
    for row in TABLE_1:
        if row.confessed_given_complied is not None:
            right = FAILED * row.confessed_given_failed / 100
            wrong = (ANSWERS - FAILED) * row.confessed_given_complied / 100
            rows.append(
                f"| {row.evaluation} | {right:.1f} | {wrong:.0f} | {at(row, 0.01):.0f} % | {at(row, 0.1):.0f} % |"
            )
    return "\n".join(rows) + "\n"


TABLES: Final = {"published": published, "base rates": base_rates}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_what_follows_from_the_published_figures(name: str) -> None:
    between = re.compile(rf"(?<=<!-- {name} -->\n\n).*?(?=\n<!-- end of {name} -->)", re.DOTALL)
    committed = DOCS.read_text(encoding="utf-8")
    made = between.sub(lambda _: TABLES[name](), committed)
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(made, encoding="utf-8")
        return
    assert committed == made, "out of date: WRITE_DOCS=1 pytest tests/test_trusting.py"


def test_so_are_the_figures_in_the_prose() -> None:
    text = DOCS.read_text(encoding="utf-8")
    general = TABLE_1[0]
    assert f"{MEAN_MISSED_JOINT:.1f} % on average" in text
    assert f"{100 - MEAN_CONFESSED_GIVEN_FAILED:.1f} % on average went unconfessed" in text
    assert f"in ordinary instruction following, {100 - general.confessed_given_failed:g} %" in text
    assert sum(row.admitted_given_failed == 0 for row in TABLE_1) == 5
    assert min(row.failed for row in TABLE_1) == 3.2
    right = FAILED * general.confessed_given_failed / 100
    flags = right + (ANSWERS - FAILED) * (general.confessed_given_complied or 0) / 100
    assert (
        f"some {flags:.0f} flags, of which {right:.0f} are of real failures, and {FAILED - right:.0f} failures" in text
    )
