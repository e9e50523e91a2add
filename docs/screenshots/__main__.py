"""`python -m docs.screenshots [NAME...]`: makes all pictures again, or those of the backends that are named."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from . import __doc__ as about
from . import mlflow, phoenix, prometheus

BACKENDS: Final = {"phoenix": phoenix, "mlflow": mlflow, "prometheus": prometheus}
IMAGES: Final = Path(__file__).parents[1] / "images"


def main() -> None:
    """Photograph; print where the pictures are."""
    parser = argparse.ArgumentParser("python -m docs.screenshots", description=about)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BACKENDS)}; by default all")
    names = parser.parse_args().names or list(BACKENDS)
    if unknown := set(names) - set(BACKENDS):
        parser.error(f"no pictures of: {', '.join(sorted(unknown))}")
    IMAGES.mkdir(exist_ok=True)
    for name in names:
        for picture in BACKENDS[name].photograph(IMAGES):
            sys.stdout.write(f"{picture}\n")


if __name__ == "__main__":
    main()
