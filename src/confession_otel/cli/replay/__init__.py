"""`confession-otel replay`: an archive of answers to telemetry, at the times of then, with ids that stay the same.

`chunks` reads files in pieces of whole lines, `pool` has them worked on by one or several processes, `work` is what
each does with a piece (`confession_otel.replaying` has the reading), `targets` is where telemetry goes, `state` is what
a resumed run goes on from, `run` keeps all of it in order.
"""
