"""`python -m confession_otel.cli`: the command line without an installed script."""

from confession_otel.cli import main

if __name__ == "__main__":
    main()
