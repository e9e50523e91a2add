"""The alert rules for Grafana's own alerting, as its provisioning files have them, with marks where UIDs belong.

Of such a file Grafana expands `$NAME` in titles and labels, and `${NAME}` in annotations in its newest releases; the
queries stay as they are. So there is no `$` in the former, and no `${` anywhere.
"""

import json

from grafana_foundation_sdk.builders import alerting, expr
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting as alerting_model
from grafana_foundation_sdk.models import common
from promql import (
    ANSWERS,
    CONFESSED,
    DROPPED,
    EXPECTED,
    FAILED,
    FLAGGED,
    READ,
    UNPARSED,
    VERDICTS,
    counted,
    part_of,
    ratio,
    wilson,
)

DATASOURCE = "@DATASOURCE_UID@"
TEMPO = "@TEMPO_UID@"
HEAD = """\
# Alert rules on confessions, for /etc/grafana/provisioning/alerting/. Filled in by
# `confession-otel alerts export grafana`; made by integrations/grafana/generate.py.
"""
MODEL = "job, gen_ai_request_model"
VALUE = '{{ printf "%.3g" $values.A.Value }}'
SERVICE = "{{ $labels.job }}"
NAME_OF_SERVICE = '(reReplaceAll "^.*/" "" $labels.job)'
"""`job` is the service's namespace, where it has one, a slash, and its name."""
NAMED = "{{ $labels.gen_ai_request_model }}"
OF_MODEL = "{{ with $labels.gen_ai_request_model }} of {{ . }}{{ end }}"


def share(part: str, whole: str, by: str, metric: str) -> tuple[str, str, str, str]:
    """Part and whole of the last hour, and of the week before it."""
    found = []
    for window, offset in (("1h", ""), ("7d", "1h")):
        everything = counted(metric, by, window, whole, offset=offset)
        found += [part_of(counted(metric, by, window, part, offset=offset), everything, by), everything]
    now, of_now, before, of_before = found
    return now, of_now, before, of_before


def risen(part: str, whole: str, by: str, metric: str) -> str:
    """By how much a share of the last hour is above that of the week before, both intervals considered."""
    now, of_now, before, of_before = share(part, whole, by, metric)
    return f"{wilson(now, of_now, upper=False)} - {wilson(before, of_before, upper=True)} and {of_now} >= 20"


def fallen(part: str, whole: str, by: str, metric: str) -> str:
    """By how much it is below."""
    now, of_now, before, of_before = share(part, whole, by, metric)
    return f"{wilson(before, of_before, upper=False)} - {wilson(now, of_now, upper=True)} and {of_now} >= 20"


def link(traceql: str) -> str:
    """Template of a link to traces in Tempo; `%s` in the query is the service."""
    query = {"refId": "A", "datasource": {"type": "tempo", "uid": TEMPO}, "queryType": "traceql", "query": traceql}
    time = {"from": "now-1h", "to": "now"}
    panes = json.dumps({"confessions": {"datasource": TEMPO, "queries": [query], "range": time}})
    return f"{{{{ externalURL }}}}explore?schemaVersion=1&panes={{{{ urlquery (printf `{panes}` {NAME_OF_SERVICE}) }}}}"


def rule(  # noqa: PLR0913 - a rule is as much as that
    name: str,
    title: str,
    expression: str,
    above: float,
    summary: str,
    *,
    severity: str = "ticket",
    pending: str = "0s",
    traceql: str | None = None,
) -> dict[str, object]:
    """One rule: the query A, and C which says when its value is too much."""
    seconds = alerting_model.RelativeTimeRange(from_val=600, to=0)
    prometheus = common.DataSourceRef(type_val="prometheus", uid=DATASOURCE)
    asked = prometheus_builder.Dataquery().ref_id("A").datasource(prometheus).expr(expression).instant()
    evaluator = expr.ExprTypeThresholdConditionsEvaluator().params([above]).type("gt")
    threshold = (
        expr.TypeThreshold()
        .ref_id("C")
        .datasource(common.DataSourceRef(type_val="__expr__", uid="__expr__"))
        .expression("A")
        .conditions([expr.ExprTypeThresholdConditions().evaluator(evaluator)])
    )
    annotations = {"summary": summary}
    if traceql is not None:
        query = f'{{ resource.service.name = "%s" && {traceql} }}'
        annotations["traceql"] = query.replace("%s", f"{{{{ {NAME_OF_SERVICE} }}}}")
        annotations["traces"] = link(query)
    built = (
        alerting.Rule(title)
        .uid(f"confession-otel-{name}")
        .condition("C")
        .with_query(alerting.Query("A").datasource_uid(DATASOURCE).relative_time_range(seconds).model(asked))
        .with_query(alerting.Query("C").datasource_uid("__expr__").relative_time_range(seconds).model(threshold))
        # Nothing above a bound is no series.
        .no_data_state("OK")
        .exec_err_state("Error")
        .for_val(pending)
        .labels({"severity": severity})
        .annotations(annotations)
        .build()
    )
    kept = ("uid", "title", "condition", "data", "noDataState", "execErrState", "for", "labels", "annotations")
    written = json.loads(JSONEncoder().encode(built))
    return {key: written[key] for key in kept}


def made() -> dict[str, object]:
    """All rules, in two groups: what is looked at each minute, and what compares hours."""
    flagged = counted(VERDICTS, f"{MODEL}, confession_verdict", "5m", FLAGGED)
    critical = '* on (job) group_left () max by (job) (target_info{service_criticality="critical"})'
    contradicted = counted(VERDICTS, MODEL, "5m", FLAGGED, 'confession_verdict=~"compliant|partially_compliant|unsure"')
    now, of_now, _, _ = share(FAILED, READ, MODEL, VERDICTS)
    tried = counted(ANSWERS, "job", "15m", 'confession_status=~"failed|confessed"')
    failed = counted(ANSWERS, "job", "15m", 'confession_status="failed"')
    expected = counted(ANSWERS, "job", "15m", EXPECTED)
    held = 'confession_reason=~"queue_full|paused|no_client|request_rate|token_rate"'
    minutely = [
        rule(
            "flagged", "Confession: an answer of a critical service is flagged", f"{flagged} {critical}", 0,
            f"{SERVICE}: an answer{OF_MODEL} is flagged ({{{{ $labels.confession_verdict }}}})",
            severity="page", traceql="span.confession.flagged = true",
        ),
        rule(
            "contradicted", "Confession: contradicted by evidence", contradicted, 0,
            f"{SERVICE}: evidence contradicts what {NAMED} says of an answer",
            traceql="span.confession.contradicted = true",
        ),
        rule(
            "asking-failing", "Confession: asking fails",
            f"{ratio(failed, tried)} and {tried} >= 20", 0.1,
            f"{SERVICE}: a share of {VALUE} of the requests for a confession fails",
        ),
        rule(
            "asking-held-back", "Confession: answers are not asked about",
            ratio(counted(ANSWERS, "job", "15m", held), expected), 0.05,
            f"{SERVICE}: a share of {VALUE} of the answers is not asked about; confession.answers says why",
            pending="10m",
        ),
        rule(
            "dropped", "Confession: something was not recorded",
            counted(DROPPED, "job, confession_reason", "15m"), 0,
            f"{SERVICE}: something of a confession was not recorded ({{{{ $labels.confession_reason }}}})",
        ),
    ]  # fmt: skip
    hourly = [
        rule(
            "failures-rose", "Confession: self-reported failures rose", risen(FAILED, READ, MODEL, VERDICTS), 0.02,
            f"{SERVICE}: {NAMED} confesses more failures than in the week before, by a share of {VALUE} at least",
            traceql='span.confession.verdict = "non_compliant"',
        ),
        rule(
            "failures-many", "Confession: many self-reported failures",
            f"{wilson(now, of_now, upper=False)} and {of_now} >= 20", 0.25,
            f"{SERVICE}: a share of {VALUE} at least of the confessions{OF_MODEL} says that the answer failed",
            traceql='span.confession.verdict = "non_compliant"',
        ),
        rule(
            "unparsed-rose", "Confession: more cannot be read",
            risen(UNPARSED, "", MODEL, VERDICTS), 0.02,
            f"{SERVICE}: more confessions{OF_MODEL} cannot be read, by a share of {VALUE} at least",
            traceql='span.confession.verdict = "unparsed"',
        ),
        rule(
            "coverage-fell", "Confession: coverage fell", fallen(CONFESSED, EXPECTED, "job", ANSWERS), 0.1,
            f"{SERVICE}: fewer answers come with a confession, by a share of {VALUE} at least",
        ),
    ]  # fmt: skip
    groups = (("confessions", "1m", minutely), ("confessions by the hour", "5m", hourly))
    return {
        "apiVersion": 1,
        "groups": [
            {"orgId": 1, "name": name, "folder": "Confessions", "interval": interval, "rules": rules}
            for name, interval, rules in groups
        ],
    }
