"""Makes the pictures of the documentation from the real thing: starts each backend, has models confess, photographs it.

    python -m docs.screenshots                  # called in the checkout; or with the names of some: phoenix mlflow

Needs the "all" extra, the development packages, and what the tests of the backends need: Debian's Prometheus and
Alertmanager, Go for the collector. And a chromium or google-chrome on the path. Nothing is drawn by hand, so a picture
that no longer shows what the software does is remade by one command.
"""
