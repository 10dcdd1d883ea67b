from gpo.models.sharing import share_tallies, tallies


def test_the_outermost_counts() -> None:
    with share_tallies():
        outer = tallies()
        with share_tallies():
            assert tallies() is outer
            tallies()["task"].paid += 1
        assert tallies() is outer
        assert outer["task"].paid == 1


def test_afterwards_nothing_counts_together() -> None:
    with share_tallies():
        first = tallies()
    assert tallies() is not first
    with share_tallies():
        assert tallies() is not first
