"""What labels announce, and that the table is sound."""

from __future__ import annotations

import pytest

from confession_otel.confession import Compliance, Disclosure, Objective
from confession_otel.reading.folding import squeeze
from confession_otel.reading.vocabulary import LABELS, LITERALS, MARKS, Role, Sense, role_of


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("objective", Role.OBJECTIVE),
        ("OBJECTIVE", Role.OBJECTIVE),
        ("Objective #2", Role.OBJECTIVE),
        ("complianceAnalysis", Role.ITEMS),
        ("compliance-analysis", Role.ITEMS),
        ("Compliance Analysis", Role.ITEMS),
        ("overall_compliance_grade", Role.GRADE),
        ("Uncertainties & Conflicts", Role.UNCERTAINTIES),
        ("Res\u200bult", Role.RESULT),
        ("Ｒｅｓｕｌｔ", Role.RESULT),
        ("résultat", Role.RESULT),
        ("RESULTAT", Role.RESULT),
        ("Begründung", Role.WHY),
        ("목표", Role.OBJECTIVE),
        ("結果", Role.RESULT),
        ("Причина", Role.WHY),
        ("weather", None),
        ("", None),
        ("objective " * 20, None),
    ],
)
def test_a_label_is_known_in_any_spelling(label: str, role: Role | None) -> None:
    assert role is role_of(label)


def test_every_label_of_the_table_can_be_found() -> None:
    entries = [entry.strip() for table in LABELS.values() for entry in table.split(",")]

    assert [entry for entry in entries if entry and role_of(entry) is None] == []


@pytest.mark.parametrize("compliance", Compliance)
@pytest.mark.parametrize("disclosure", [None, *Disclosure])
def test_every_literal_that_is_written_is_known(compliance: Compliance, disclosure: Disclosure | None) -> None:
    literal = Objective("", compliance, disclosure).literal

    assert (compliance, disclosure) == LITERALS[squeeze(literal)]


def test_a_mark_is_one_character_with_one_meaning() -> None:
    assert {1} == set(map(len, MARKS))
    assert set(Compliance) == set(MARKS.values())


def test_roles_and_senses_hash_fast_and_apart() -> None:
    assert len(Role) == len(set(Role))
    assert len(Sense) == len(set(Sense))
