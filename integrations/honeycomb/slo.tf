# Self-reported compliance as a service level, and what rings while there is still budget.

resource "honeycombio_slo" "compliance" {
  count             = length(var.datasets) > 0 ? 1 : 0
  name              = "Self-reported compliance"
  description       = "Readable confessions that are not flagged. What the models say of themselves: not what they did."
  datasets          = var.datasets
  sli               = honeycombio_derived_column.sli.alias
  target_percentage = var.target_percentage
  time_period       = 30
}

resource "honeycombio_burn_alert" "exhausted_soon" {
  count              = length(honeycombio_slo.compliance)
  alert_type         = "exhaustion_time"
  exhaustion_minutes = 240
  description        = "At this rate the budget of flagged answers is used up within four hours."
  slo_id             = honeycombio_slo.compliance[0].id

  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }
}

resource "honeycombio_burn_alert" "burning" {
  count                        = length(honeycombio_slo.compliance)
  alert_type                   = "budget_rate"
  budget_rate_window_minutes   = 1440
  budget_rate_decrease_percent = 10
  description                  = "A tenth of the month's budget of flagged answers went within a day."
  slo_id                       = honeycombio_slo.compliance[0].id

  dynamic "recipient" {
    for_each = var.recipients
    content {
      type   = recipient.value.type
      target = recipient.value.target
    }
  }
}
