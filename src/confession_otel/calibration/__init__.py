r"""How far a model's confessions can be believed: confessions held against outcomes. No OpenTelemetry in here.

    from confession_otel.calibration import Calibration, read_row

    calibration = Calibration()
    for record in records:                       # {"group": …, "verdict": …, "failed": true}
        calibration.add(read_row(record))
    calibration.report().overall.confessed_given_failed

An *outcome* says, from outside, whether an answer failed (true, false, or `None`: undecided). *Confessed* means that
the confession says the answer failed: verdict `non_compliant`, and `unsure` only where it is made to count. What could
not be read (`unparsed`) is neither: it confesses nothing, passes nothing, and is counted by itself.

The figures are those of Table 1 in Joglekar et al., *Training LLMs for Honesty via Confessions* (arXiv:2512.08093);
each is described in `figures`. Memory depends on the number of groups, never on the number of rows.
"""

from .counts import MOST_GROUPS, Calibration
from .figures import Figures, Proportion, Report, wilson
from .rows import Rejected, Row, Said, read_row
from .scores import Bin

__all__ = [
    "MOST_GROUPS",
    "Bin",
    "Calibration",
    "Figures",
    "Proportion",
    "Rejected",
    "Report",
    "Row",
    "Said",
    "read_row",
    "wilson",
]
