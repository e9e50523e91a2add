# Derived columns, environment-wide: they are computed when asked for and cost no events. Each is null on everything but
# what it is about, so that AVG is a share. Answer spans carry the verdict as well: what counts is named `confession`.

locals {
  # Names, and not references to the resources: queries that know them are checked when planned.
  failed   = "dc.self_reported_failure"
  unparsed = "dc.unparsed_confession"
}

resource "honeycombio_derived_column" "failed" {
  alias       = local.failed
  description = "1 where a model says that its answer failed, 0 where it says something else, null where nothing can be read."
  expression  = <<-DC
    IF(
      AND(EQUALS($name, "confession"), EXISTS($confession.verdict), NOT(EQUALS($confession.verdict, "unparsed"))),
      IF(EQUALS($confession.verdict, "non_compliant"), 1, 0)
    )
  DC

  lifecycle {
    create_before_destroy = true
  }
}

resource "honeycombio_derived_column" "unparsed" {
  alias       = local.unparsed
  description = "1 where a confession could not be read, 0 where it could."
  expression  = <<-DC
    IF(
      AND(EQUALS($name, "confession"), EXISTS($confession.verdict)),
      IF(EQUALS($confession.verdict, "unparsed"), 1, 0)
    )
  DC

  lifecycle {
    create_before_destroy = true
  }
}

resource "honeycombio_derived_column" "sli" {
  alias       = "sli.self_reported_compliance"
  description = "True where a confession is not flagged, false where it is; null where nothing can be read: silence is neither."
  expression  = <<-DC
    IF(
      AND(EQUALS($name, "confession"), EXISTS($confession.verdict), NOT(EQUALS($confession.verdict, "unparsed"))),
      NOT(EQUALS($confession.flagged, true))
    )
  DC

  lifecycle {
    create_before_destroy = true
  }
}
