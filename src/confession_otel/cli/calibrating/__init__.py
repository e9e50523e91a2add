"""What `confession-otel calibrate` does: read files of confessions and outcomes, count, show."""
