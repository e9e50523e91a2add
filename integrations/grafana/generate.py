"""Writes dashboard.json, and the alert rules that `confession-otel alerts export grafana` fills in.

pip install grafana-foundation-sdk==0.0.21 pyyaml==6.0.3
python generate.py
"""

import argparse
import sys
from pathlib import Path

import alerts
import dashboard
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

HERE = Path(__file__).parent
RULES = HERE.parent.parent / "src" / "confession_otel" / "cli" / "alerts" / "grafana.yaml"


def contents() -> dict[Path, str]:
    """Each file, and what is to stand in it."""
    rules = yaml.safe_dump(alerts.made(), sort_keys=False, allow_unicode=True, width=float("inf"))
    return {
        HERE / "dashboard.json": JSONEncoder(sort_keys=True, indent=2).encode(dashboard.made().build()) + "\n",
        RULES: f"{alerts.HEAD}{rules}",
    }


def main() -> int:
    """Write, or say what is not up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not up to date")
    check = parser.parse_args().check
    old = [path for path, text in contents().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in old:
        if check:
            print(f"{path.name} is not up to date: run {Path(__file__).name}")
        else:
            path.write_text(contents()[path], encoding="utf-8")
            print(f"{path.name} written")
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
