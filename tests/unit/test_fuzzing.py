"""Random input at every public door (``tests.fuzzing``), from seeds; MSJOE_FUZZ=20 tries twenty times as many cases."""

import pytest

from tests.fuzzing.runner import ENTRIES, TIMES, run_entry


@pytest.mark.parametrize("name", ENTRIES)
def test_whatever_comes_in_ends_in_a_result_or_in_words(name):
    report = run_entry(name, TIMES * ENTRIES[name])
    assert report.cases == TIMES * ENTRIES[name]
    assert not report.faults, str(report)


def test_every_break_of_the_rules_is_reported_by_its_seed():
    report = run_entry("tests.fuzzing.faulty", 10)
    assert report.cases == 10
    assert report.outcomes["read"] == 1
    assert report.outcomes["refused"] == 1
    wanted = {
        2: "KeyError",
        3: "outside",
        4: "not done after",
        5: "the peak of memory",
        6: "the process ended with 3",
        7: "a traceback was shown",
        8: "SystemExit",
        9: "the process ended with 1",
    }
    assert report.faults.keys() == wanted.keys()
    for seed, words in wanted.items():
        assert words in report.faults[seed]
    assert "Timeout" in report.faults[9]
