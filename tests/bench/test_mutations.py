"""The list of deliberate faults stays alive; `python tests/bench/mutations.py` applies them."""

from __future__ import annotations

from .mutations import MUTATIONS, ROOT


def test_every_fault_can_be_made() -> None:
    assert [str(m) for m in MUTATIONS if not m.found] == []
    assert [str(m) for m in MUTATIONS if m.old == m.new] == []


def test_no_fault_stands_twice() -> None:
    assert len({(m.file, m.old, m.new) for m in MUTATIONS}) == len(MUTATIONS)


def test_the_tests_that_must_see_them_are_there() -> None:
    for test in sorted({test for m in MUTATIONS for test in m.tests}):
        file, _, name = test.partition("::")
        if not name:
            assert (ROOT / file).exists(), test
            continue
        made, text = name.partition("[")[0], (ROOT / file).read_text(encoding="utf-8")
        assert f"def {made}(" in text or f"\n{made} = as_pytest(" in text, test
