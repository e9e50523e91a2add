terraform {
  required_version = ">= 1.5"
  required_providers {
    honeycombio = {
      source  = "honeycombio/honeycombio"
      version = "~> 0.44"
    }
  }
}

# HONEYCOMB_API_KEY: a configuration key that may manage triggers, SLOs, boards, queries and columns. In the EU also
# HONEYCOMB_API_ENDPOINT=https://api.eu1.honeycomb.io
provider "honeycombio" {}

variable "datasets" {
  description = "Slugs of the datasets with confessions: in Honeycomb each service.name is one. For the SLO, which cannot do without."
  type        = list(string)
  default     = []
}

variable "critical_services" {
  description = "service.name of the services of which one flagged answer rings; empty: all of them."
  type        = list(string)
  default     = []
}

variable "recipients" {
  description = "Whom to tell, by what rings: email (address), slack (channel), webhook (its name), pagerduty (no target)."
  type        = list(object({ type = string, target = optional(string) }))
  default     = []
}

variable "alerts" {
  description = "Which triggers there are to be: plans limit their number. In order of use."
  type        = list(string)
  default     = ["flagged", "failures", "contradicted", "asking", "failures_rose", "unparsed", "coverage"]
}

variable "failure_ratio" {
  description = "Share of the last hour's readable confessions that say the answer failed, above which `failures` rings."
  type        = number
  default     = 0.25
}

variable "minimum_coverage" {
  description = "Confessions for each model call, below which `coverage` rings. Turns that only call tools are calls too."
  type        = number
  default     = 0.2
}

variable "target_percentage" {
  description = "Share of the readable confessions in 30 days that are to be unflagged."
  type        = number
  default     = 95
}
