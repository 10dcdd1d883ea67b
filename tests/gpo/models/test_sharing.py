from gpo.models.sharing import counting_together, tallies


def test_the_outermost_counts() -> None:
    with counting_together():
        outer = tallies()
        with counting_together():
            assert tallies() is outer
            tallies()["task"].paid += 1
        assert tallies() is outer
        assert outer["task"].paid == 1


def test_afterwards_nothing_counts_together() -> None:
    with counting_together():
        first = tallies()
    assert tallies() is not first
    with counting_together():
        assert tallies() is not first
