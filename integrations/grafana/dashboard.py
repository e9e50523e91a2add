"""The dashboard: what models say of their answers, how sure that is, what failed, and what asking takes."""

import itertools
import json
from urllib.parse import quote

from grafana_foundation_sdk.builders import bargauge, stat, table, tempo, timeseries
from grafana_foundation_sdk.builders import common as looks
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import tempo as tempo_model
from promql import (
    ANSWERS,
    CONFESSED,
    DROPPED,
    DURATION,
    EXPECTED,
    FAILED,
    FLAGGED,
    READ,
    TOKENS,
    UNPARSED,
    VERDICTS,
    counted,
    part_of,
    ratio,
    wilson,
)

PROMETHEUS = common.DataSourceRef(type_val="prometheus", uid="${prometheus}")
TEMPO = common.DataSourceRef(type_val="tempo", uid="${tempo}")
JOB = 'job=~"$job"'
MODEL = 'gen_ai_request_model=~"$model"'
COLOURS = {
    "compliant": "green",
    "partially_compliant": "yellow",
    "non_compliant": "red",
    "unsure": "orange",
    "unparsed": "purple",
}
WHERE = 'name = "confession" && resource.service.name =~ "$job" && span.confession.flagged = true'
SHOWN = "span.confession.objective, span.confession.why, span.confession.verdict, span.confession.disclosure"


def explore(traceql: str) -> str:
    """A link to the traces of a TraceQL query."""
    query = {"refId": "A", "datasource": {"type": "tempo", "uid": "${tempo}"}, "queryType": "traceql", "query": traceql}
    time = {"from": "${__from}", "to": "${__to}"}
    panes = json.dumps({"confessions": {"datasource": "${tempo}", "queries": [query], "range": time}})
    return f"/explore?schemaVersion=1&panes={quote(panes, safe='${}_.')}"


FLAGGED_TRACES = build.DashboardLink("Flagged traces").url(explore(f"{{ {WHERE} }}")).target_blank(target_blank=True)


def promql(
    expression: str, legend: str = "", ref: str = "A", *, instant: bool = False, exemplars: bool = False
) -> prometheus_builder.Dataquery:
    """A query of Prometheus."""
    query = prometheus_builder.Dataquery().ref_id(ref).datasource(PROMETHEUS).expr(expression).legend_format(legend)
    return query.instant() if instant else query.range().exemplar(exemplar=exemplars)


def number(title: str, description: str, unit: str, *queries: prometheus_builder.Dataquery) -> stat.Panel:
    """One figure for the whole time range, or a few."""
    panel = stat.Panel().title(title).description(description).datasource(PROMETHEUS).unit(unit).span(6).height(5)
    panel = panel.color_mode(common.BigValueColorMode.NONE).text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    for query in queries:
        panel = panel.with_target(query)
    return panel


def graph(
    title: str, description: str, unit: str, *queries: prometheus_builder.Dataquery, stacked: bool = False
) -> timeseries.Panel:
    """A figure over time."""
    panel = timeseries.Panel().title(title).description(description).datasource(PROMETHEUS).unit(unit)
    panel = panel.span(12).height(8).min(0)
    if stacked:
        # Bars that touch no other's window: nothing is counted twice.
        panel = panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).interval("2m")
        panel = panel.stacking(looks.StackingConfig().mode(common.StackingMode.NORMAL))
    for query in queries:
        panel = panel.with_target(query)
    return panel


def figures() -> list[stat.Panel]:
    """Of the whole time range."""
    failed, read, flagged, unparsed, every = (
        counted(VERDICTS, "", "$__range", JOB, MODEL, *selected)
        for selected in ((FAILED,), (READ,), (FLAGGED,), (UNPARSED,), ())
    )
    confessed, answers = (counted(ANSWERS, "", "$__range", JOB, one) for one in (CONFESSED, EXPECTED))
    failed = part_of(failed, read, "")
    red = dashboard.Threshold(value=1, color="red")
    return [
        number(
            "Flagged answers",
            "Answers of which the model confesses that they are bad, or that evidence contradicts.",
            "short",
            promql(f"round({part_of(flagged, every, '')})", "flagged", instant=True),
        )
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .thresholds(
            build.ThresholdsConfig()
            .mode(dashboard.ThresholdsMode.ABSOLUTE)
            .steps([dashboard.Threshold(value=None, color="green"), red])
        )
        .links([FLAGGED_TRACES]),
        number(
            "Self-reported failures",
            "Share of the readable confessions that say the answer failed, and its 95 % interval by Wilson.",
            "percentunit",
            promql(ratio(failed, read), "share", "A", instant=True),
            promql(wilson(failed, read, upper=False), "at least", "B", instant=True),
            promql(wilson(failed, read, upper=True), "at most", "C", instant=True),
        ),
        number(
            "Coverage",
            "Share of the answers that came with a confession; what sampling and triggers left out does not count.",
            "percentunit",
            promql(ratio(part_of(confessed, answers, ""), answers), "confessed", instant=True),
        ),
        number(
            "Unparsed",
            "Share of the confessions that nobody can read: neither a pass nor a fail.",
            "percentunit",
            promql(ratio(part_of(unparsed, every, ""), every), "unparsed", instant=True),
        ),
    ]


def verdicts() -> timeseries.Panel:
    """Over time, by model."""
    by = "gen_ai_request_model, confession_verdict"
    query = promql(
        counted(VERDICTS, by, "$__interval", JOB, MODEL),
        "{{gen_ai_request_model}} {{confession_verdict}}",
        exemplars=True,
    )
    panel = graph(
        "Verdicts by model",
        "What the models say of their answers. Points lead to traces.",
        "short",
        query,
        stacked=True,
    )
    for verdict, colour in COLOURS.items():
        panel = panel.override_by_regexp(
            f"/(^| ){verdict}$/", [dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]
        )
    return panel.span(24).links([FLAGGED_TRACES])


def failures() -> timeseries.Panel:
    """One panel for each model: the share of self-reported failures, and how sure that is."""
    by = "gen_ai_request_model"
    read = counted(VERDICTS, by, "$window", JOB, MODEL, READ)
    failed = part_of(counted(VERDICTS, by, "$window", JOB, MODEL, FAILED), read, by)
    band = [
        dashboard.DynamicConfigValue("custom.fillBelowTo", "at least"),
        dashboard.DynamicConfigValue("custom.fillOpacity", 20),
        dashboard.DynamicConfigValue("custom.lineWidth", 0),
    ]
    return (
        graph(
            "Self-reported failures of $model",
            "Readable confessions of the last $window that say the answer failed; 95 % interval by Wilson.",
            "percentunit",
            promql(ratio(failed, read), "share", "A"),
            promql(wilson(failed, read, upper=True), "at most", "B"),
            promql(wilson(failed, read, upper=False), "at least", "C"),
        )
        .max(1)
        .override_by_name("at most", band)
        .override_by_name("at least", [dashboard.DynamicConfigValue("custom.lineWidth", 0)])
        .repeat("model")
        .repeat_direction("h")
        .max_per_row(3)
    )


def traces() -> list[bargauge.Panel | table.Panel]:
    """What failed: metrics carry no words, so it comes from the spans."""
    top = f"{{ {WHERE} }} | count_over_time() by (span.confession.objective) | topk(10)"
    query = tempo.Dataquery().ref_id("A").datasource(TEMPO).query_type("traceql")
    listed = (
        tempo.Dataquery().ref_id("A").datasource(TEMPO).query_type("traceql").query(f"{{ {WHERE} }} | select({SHOWN})")
    )
    return [
        bargauge.Panel()
        .title("Top failing objectives")
        .description("Deciding objectives of flagged answers. Empty at capture level `verdict`; needs TraceQL metrics.")
        .datasource(TEMPO)
        .span(8)
        .height(10)
        .orientation(common.VizOrientation.HORIZONTAL)
        .reduce_options(looks.ReduceDataOptions().calcs(["sum"]))
        .with_target(query.query(top).metrics_query_type(tempo_model.MetricsQueryType.RANGE)),
        table.Panel()
        .title("Flagged answers")
        .description("Click an id for the whole trace: the confession is the span below the answer.")
        .datasource(TEMPO)
        .span(16)
        .height(10)
        .with_target(listed.table_type(tempo_model.SearchTableType.SPANS).limit(100)),
    ]


def coverage() -> list[timeseries.Panel]:
    """Silence is no compliance."""
    confessed, answers = (counted(ANSWERS, "job", "$window", JOB, one) for one in (CONFESSED, EXPECTED))
    return [
        graph(
            "Coverage by service",
            "Share of the answers of the last $window that came with a confession.",
            "percentunit",
            promql(ratio(part_of(confessed, answers, "job"), answers), "{{job}}"),
        ).max(1),
        graph(
            "Answers by what came with them",
            "Why an answer has no confession stands beside its status.",
            "short",
            promql(
                counted(ANSWERS, "confession_status, confession_reason", "$__interval", JOB),
                "{{confession_status}} {{confession_reason}}",
            ),
            stacked=True,
        ),
    ]


def asking() -> list[stat.Panel | timeseries.Panel]:
    """What the requests for confessions cost; nothing with `way=observe`."""
    quantile = f"sum by (le, gen_ai_request_model) (rate({DURATION}_bucket{{{JOB}, {MODEL}}}[$__rate_interval]))"
    kinds = [counted(TOKENS, "", "$__range", JOB, MODEL, f'gen_ai_token_type="{one}"') for one in ("input", "output")]
    money = " + ".join(
        f"{count} * {price} / 1e6" for count, price in zip(kinds, ("$price_in", "$price_out"), strict=True)
    )
    return [
        graph(
            "How long asking takes",
            "Half of the requests, and all but one in twenty, are faster.",
            "s",
            promql(f"histogram_quantile(0.5, {quantile})", "{{gen_ai_request_model}} half", "A"),
            promql(f"histogram_quantile(0.95, {quantile})", "{{gen_ai_request_model}} 95 %", "B", exemplars=True),
        ),
        graph(
            "Tokens of asking",
            "Input is the conversation again, mostly from the provider's cache; output is the confession.",
            "short",
            promql(
                counted(TOKENS, "gen_ai_request_model, gen_ai_token_type", "$__interval", JOB, MODEL),
                "{{gen_ai_request_model}} {{gen_ai_token_type}}",
            ),
            stacked=True,
        ),
        number(
            "Cost of asking",
            "Tokens of the time range by the prices above, which are yours to fill in (per million tokens).",
            "short",
            promql(money, "cost", instant=True),
        ),
        graph(
            "Requests that failed, by error",
            "Their answers count as failed in coverage.",
            "short",
            promql(
                counted(f"{DURATION}_count", "error_type", "$__interval", JOB, MODEL, 'error_type!=""'),
                "{{error_type}}",
            ),
            stacked=True,
        ).span(9),
        graph(
            "Not recorded, by reason",
            "An error of ours that was swallowed is one of them; the service's log says it once.",
            "short",
            promql(counted(DROPPED, "confession_reason", "$__interval", JOB), "{{confession_reason}}"),
            stacked=True,
        ).span(9),
    ]


def variables() -> list[object]:
    """Data sources, what to look at, and prices."""
    jobs = build.QueryVariable("job").label("Service").query(f"label_values({ANSWERS}, job)")
    models = (
        build.QueryVariable("model").label("Model").query(f"label_values({VERDICTS}{{{JOB}}}, gen_ai_request_model)")
    )
    return [
        build.DatasourceVariable("prometheus").label("Prometheus").type("prometheus"),
        build.DatasourceVariable("tempo").label("Tempo").type("tempo"),
        *(
            one.datasource(PROMETHEUS)
            .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(multi=True)
            .include_all(include_all=True)
            # Also where the model is not known, and the label is not there.
            .all_value(".*")
            for one in (jobs, models)
        ),
        build.IntervalVariable("window")
        .label("Window")
        .values("15m,1h,6h,1d")
        .current(dashboard.VariableOption(selected=True, text="1h", value="1h")),
        build.TextBoxVariable("price_in").label("Price of input tokens, per million").default_value("0"),
        build.TextBoxVariable("price_out").label("Price of output tokens, per million").default_value("0"),
    ]


def made() -> build.Dashboard:
    """All of it."""
    whole = (
        build.Dashboard("Confessions")
        .uid("confession-otel")
        .description("What language models say of their own answers. Self-reported: a best guess, not the truth.")
        .tags(["confession-otel", "gen-ai"])
        .time("now-24h", "now")
        .refresh("1m")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .link(FLAGGED_TRACES)
    )
    ids = itertools.count(1)
    for variable in variables():
        whole = whole.with_variable(variable)
    for title, panels in (
        ("What the models say", [*figures(), verdicts(), failures()]),
        ("What failed", traces()),
        ("Coverage", coverage()),
        ("Asking", asking()),
    ):
        whole = whole.with_row(build.Row(title).id(next(ids)))
        for panel in panels:
            whole = whole.with_panel(panel.id(next(ids)))
    return whole
