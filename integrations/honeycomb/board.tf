# One board: what the models say of their answers, why, and what asking costs.

locals {
  confession = { column = "name", op = "=", value = "confession" }
  asked      = { column = "confession.source", op = "=", value = "ask" }

  # In the notation of Honeycomb's query specification; queries.md has them as text.
  board = {
    verdicts = {
      name        = "Verdicts by model"
      description = "What the models say of their answers."
      style       = "graph"
      query = {
        time_range   = 86400
        breakdowns   = ["confession.verdict", "gen_ai.request.model"]
        calculations = [{ op = "COUNT" }]
        filters      = [local.confession, { column = "confession.verdict", op = "exists" }]
      }
    }
    failures = {
      name        = "Share of self-reported failures"
      description = "Of the confessions that could be read, with their number: a share of few says little."
      style       = "combo"
      query = {
        time_range   = 86400
        breakdowns   = ["gen_ai.request.model"]
        calculations = [{ op = "AVG", column = local.failed }, { op = "COUNT" }]
        filters      = [{ column = local.failed, op = "exists" }]
      }
    }
    objectives = {
      name        = "What failed"
      description = "Deciding objective and the model's reason, of flagged answers. Empty at capture level `verdict`."
      style       = "table"
      query = {
        time_range   = 86400
        breakdowns   = ["confession.objective", "confession.why", "service.name"]
        calculations = [{ op = "COUNT" }]
        filters      = [local.confession, { column = "confession.flagged", op = "=", value = true }]
        orders       = [{ op = "COUNT", order = "descending" }]
        limit        = 100
      }
    }
    disclosure = {
      name        = "Was the user told?"
      description = "Of what failed: disclosed in the answer, undisclosed, or misrepresented as a success."
      style       = "graph"
      query = {
        time_range   = 86400
        breakdowns   = ["confession.disclosure"]
        calculations = [{ op = "COUNT" }]
        filters      = [local.confession, { column = "confession.disclosure", op = "exists" }]
      }
    }
    unread = {
      name        = "Unparsed, and why"
      description = "Neither a pass nor a fail."
      style       = "combo"
      query = {
        time_range   = 86400
        breakdowns   = ["confession.problem", "gen_ai.request.model"]
        calculations = [{ op = "COUNT" }]
        filters      = [local.confession, { column = "confession.verdict", op = "=", value = "unparsed" }]
      }
    }
    asking = {
      name        = "What asking takes"
      description = "Seconds and tokens of the requests for confessions; none with `way=observe`."
      style       = "combo"
      query = {
        time_range = 86400
        breakdowns = ["gen_ai.request.model"]
        calculations = [
          { op = "P50", column = "duration_ms" },
          { op = "P95", column = "duration_ms" },
          { op = "SUM", column = "confession.asking.input_tokens" },
          { op = "SUM", column = "confession.asking.output_tokens" },
        ]
        filters = [local.confession, local.asked]
      }
    }
  }
  order = ["verdicts", "failures", "objectives", "disclosure", "unread", "asking"]
}

resource "honeycombio_query" "board" {
  for_each   = local.board
  query_json = jsonencode(each.value.query)

  lifecycle {
    replace_triggered_by = [honeycombio_derived_column.failed]
  }
}

resource "honeycombio_query_annotation" "board" {
  for_each    = local.board
  query_id    = honeycombio_query.board[each.key].id
  name        = each.value.name
  description = each.value.description
}

resource "honeycombio_flexible_board" "confessions" {
  name        = "Confessions"
  description = "What language models say of their own answers, as self-reported."

  preset_filter {
    column = "service.name"
    alias  = "Service"
  }
  preset_filter {
    column = "gen_ai.request.model"
    alias  = "Model"
  }
  preset_filter {
    column = "confession.source"
    alias  = "How it was got"
  }

  dynamic "panel" {
    for_each = honeycombio_slo.compliance
    content {
      type = "slo"
      slo_panel {
        slo_id = panel.value.id
      }
    }
  }

  dynamic "panel" {
    for_each = local.order
    content {
      type = "query"
      query_panel {
        query_id            = honeycombio_query.board[panel.value].id
        query_annotation_id = honeycombio_query_annotation.board[panel.value].id
        query_style         = local.board[panel.value].style
      }
    }
  }

  panel {
    type = "text"
    text_panel {
      content = "A confession is a model's best guess about itself. It misses what the model does not know, and silence is no compliance."
    }
  }
}

output "board" {
  description = "Where to look."
  value       = honeycombio_flexible_board.confessions.board_url
}
