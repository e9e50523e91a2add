"""The expressions that dashboard and alerts share.

They ask the package's metrics as Prometheus has them, and no recording rules: they work on any data source that speaks
PromQL. The rules of `../prometheus` say the same, precomputed.
"""

VERDICTS = "confession_verdicts_total"
ANSWERS = "confession_answers_total"
DROPPED = "confession_dropped_total"
TOKENS = "confession_asking_tokens_total"
DURATION = "confession_asking_duration_seconds"

FAILED = 'confession_verdict="non_compliant"'
READ = 'confession_verdict!="unparsed"'
UNPARSED = 'confession_verdict="unparsed"'
FLAGGED = 'confession_flagged="true"'
CONFESSED = 'confession_status="confessed"'
EXPECTED = 'confession_reason!~"sampled_out|no_trigger"'
"""Answers that `sample` and `triggers` did not leave out."""


def counted(metric: str, by: str, window: str, *selectors: str, offset: str = "") -> str:
    """How many a counter counted in a window, those with which a series began among them.

    `increase` alone misses these: nothing was there before to rise from. A series is new where the hour before the
    window had none.
    """
    series = f"{metric}{{{', '.join(selectors)}}}"
    shift = f" offset {offset}" if offset else ""
    before = _sum_of_offsets(window, offset)
    least = f"min_over_time({series}[{window}]{shift})"
    return (
        f"(sum by ({by}) (increase({series}[{window}]{shift}) or 0 * {least})"
        f" + (sum by ({by}) ({least} unless last_over_time({series}[1h] offset {before}))"
        f" or 0 * sum by ({by}) ({least})))"
    )


def _sum_of_offsets(window: str, offset: str) -> str:
    # Durations such as `7d1h` go from the longest unit to the shortest.
    return f"{window}{offset}"


def part_of(part: str, whole: str, by: str) -> str:
    """A part, 0 where there is a whole of which nothing is part."""
    return f"({part} or 0 * sum by ({by}) ({whole}))"


def ratio(part: str, whole: str) -> str:
    """Nothing, where the whole is nothing."""
    return f"{part} / ({whole} > 0)"


def wilson(part: str, whole: str, *, upper: bool) -> str:
    """Bound of the 95 % interval of a share by Wilson, z = 1.96: a share of few says little."""
    sign, clamp, limit = ("+", "clamp_max", 1) if upper else ("-", "clamp_min", 0)
    root = f"sqrt({part} * clamp_min({whole} - {part}, 0) / ({whole} > 0) + 0.9604)"
    return f"{clamp}(({part} + 1.9208 {sign} 1.96 * {root}) / ({whole} + 3.8416), {limit})"
