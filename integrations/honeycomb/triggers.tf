# Triggers, environment-wide: all services of the environment at once, told apart by `breakdowns`.

# One answer that the policy flags, of a service that matters.
data "honeycombio_query_specification" "flagged" {
  time_range = 120
  breakdowns = ["service.name", "gen_ai.request.model", "confession.verdict"]

  calculation {
    op = "COUNT"
  }
  filter {
    column = "name"
    op     = "="
    value  = "confession"
  }
  filter {
    column = "confession.flagged"
    op     = "="
    value  = "true"
  }
  dynamic "filter" {
    for_each = length(var.critical_services) > 0 ? [join(",", var.critical_services)] : []
    content {
      column = "service.name"
      op     = "in"
      value  = filter.value
    }
  }
}

resource "honeycombio_trigger" "flagged" {
  count       = contains(var.alerts, "flagged") ? 1 : 0
  name        = "Confession: an answer is flagged"
  description = "A model confessed that its answer is bad, or evidence contradicts what it says. Open the trace: the span `confession` says why."
  query_json  = data.honeycombio_query_specification.flagged.json
  frequency   = 60

  threshold {
    op    = ">"
    value = 0
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }
}

# Many failures, by model. Fewer than 20 confessions say little.
data "honeycombio_query_specification" "failures" {
  time_range = 3600
  breakdowns = ["service.name", "gen_ai.request.model"]

  calculation {
    op     = "AVG"
    column = local.failed
  }
  calculation {
    op = "COUNT"
  }
  filter {
    column = local.failed
    op     = "exists"
  }
  having {
    calculate_op = "COUNT"
    op           = ">="
    value        = 20
  }
}

resource "honeycombio_trigger" "failures" {
  count       = contains(var.alerts, "failures") ? 1 : 0
  name        = "Confession: many self-reported failures"
  description = "Share of the last hour's readable confessions that say the answer failed, by service and model."
  query_json  = data.honeycombio_query_specification.failures.json
  frequency   = 900

  threshold {
    op    = ">"
    value = var.failure_ratio
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }

  depends_on = [honeycombio_derived_column.failed]
}

# The same against the same hour a week ago: half as many again.
resource "honeycombio_trigger" "failures_rose" {
  count       = contains(var.alerts, "failures_rose") ? 1 : 0
  name        = "Confession: self-reported failures rose"
  description = "The share of self-reported failures is half as high again as a week ago, by service and model."
  query_json  = data.honeycombio_query_specification.failures.json
  frequency   = 900

  threshold {
    op    = ">="
    value = 50
  }
  baseline_details {
    type           = "percentage"
    offset_minutes = 10080
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }

  depends_on = [honeycombio_derived_column.failed]
}

# Evidence of the same call against what the model says.
data "honeycombio_query_specification" "contradicted" {
  time_range = 600
  breakdowns = ["service.name", "gen_ai.request.model"]

  calculation {
    op = "COUNT"
  }
  filter {
    column = "confession.contradicted"
    op     = "="
    value  = "true"
  }
}

resource "honeycombio_trigger" "contradicted" {
  count       = contains(var.alerts, "contradicted") ? 1 : 0
  name        = "Confession: contradicted by evidence"
  description = "The model calls its answer better than the call allows: cut off, filtered, refused, or a tool that failed. confession.contradictions names the rules."
  query_json  = data.honeycombio_query_specification.contradicted.json
  frequency   = 300

  threshold {
    op    = ">"
    value = 0
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }
}

# Confessions that nobody can read: neither a pass nor a fail.
data "honeycombio_query_specification" "unparsed" {
  time_range = 3600
  breakdowns = ["service.name", "gen_ai.request.model"]

  calculation {
    op     = "AVG"
    column = local.unparsed
  }
  calculation {
    op = "COUNT"
  }
  filter {
    column = local.unparsed
    op     = "exists"
  }
  having {
    calculate_op = "COUNT"
    op           = ">="
    value        = 20
  }
}

resource "honeycombio_trigger" "unparsed" {
  count       = contains(var.alerts, "unparsed") ? 1 : 0
  name        = "Confession: many cannot be read"
  description = "More than one in ten confessions of the last hour holds no readable result. confession.problem says why."
  query_json  = data.honeycombio_query_specification.unparsed.json
  frequency   = 900

  threshold {
    op    = ">"
    value = 0.1
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }

  depends_on = [honeycombio_derived_column.unparsed]
}

# Asking for a confession failed: a span `confession` with an error and no verdict.
data "honeycombio_query_specification" "asking" {
  time_range = 900
  breakdowns = ["service.name", "error.type"]

  calculation {
    op = "COUNT"
  }
  filter {
    column = "name"
    op     = "="
    value  = "confession"
  }
  filter {
    column = "confession.verdict"
    op     = "does-not-exist"
  }
}

resource "honeycombio_trigger" "asking" {
  count       = contains(var.alerts, "asking") ? 1 : 0
  name        = "Confession: asking fails"
  description = "Requests for a confession failed in the last quarter of an hour; error.type says how."
  query_json  = data.honeycombio_query_specification.asking.json
  frequency   = 900

  threshold {
    op    = ">"
    value = 5
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }
}

# Coverage: silence is no compliance.
data "honeycombio_query_specification" "coverage" {
  time_range = 3600
  breakdowns = ["service.name"]

  calculation {
    op   = "COUNT"
    name = "confessions"

    filter {
      column = "name"
      op     = "="
      value  = "confession"
    }
    filter {
      column = "confession.verdict"
      op     = "exists"
    }
  }
  calculation {
    op   = "COUNT"
    name = "calls"

    filter {
      column = "gen_ai.operation.name"
      op     = "="
      value  = "chat"
    }
  }
  formula {
    name       = "coverage"
    expression = "DIV($confessions, $calls)"
  }
}

resource "honeycombio_trigger" "coverage" {
  count       = contains(var.alerts, "coverage") ? 1 : 0
  name        = "Confession: coverage is low"
  description = "Few model calls of the last hour came with a confession: failures may go unseen."
  query_json  = data.honeycombio_query_specification.coverage.json
  frequency   = 900

  threshold {
    op    = "<"
    value = var.minimum_coverage
  }
  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }
}
