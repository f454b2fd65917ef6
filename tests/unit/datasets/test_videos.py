import pytest

from ferkit.datasets.videos import POLICIES, middle_frame, select_frames
from ferkit.errors import ConfigError


@pytest.mark.parametrize(
    ("policy", "count", "chosen"),
    [
        ("peak", 3, [16]),
        ("last_k", 3, [18, 19, 20]),
        ("all", 3, list(range(10, 21))),
        ("middle_k", 3, [12, 15, 18]),
        ("evenly_k", 3, [10, 15, 20]),
        ("every_nth", 4, [10, 14, 18]),
        ("around_apex", 3, [15, 16, 17]),
        ("onset_apex_second_half", 3, [13, 14, 15, 16]),
    ],
)
def test_each_policy_on_eleven_frames_with_the_apex_at_sixteen(policy, count, chosen):
    assert select_frames(range(10, 21), policy, apex=16, count=count) == chosen


def test_every_policy_is_covered_by_the_table_above():
    table = test_each_policy_on_eleven_frames_with_the_apex_at_sixteen.pytestmark[0].args[1]
    assert {row[0] for row in table} == set(POLICIES)


def test_middle_k_lies_between_a_quarter_and_three_quarters():
    assert select_frames(range(101), "middle_k", count=5) == [25, 38, 50, 62, 75]


def test_the_second_half_depends_on_where_the_apex_is():
    frames = list(range(1, 13))
    assert select_frames(frames, "onset_apex_second_half", apex=12) == [7, 8, 9, 10, 11, 12]
    assert select_frames(frames, "onset_apex_second_half", apex=6) == [4, 5, 6]


def test_gaps_and_order_of_the_numbers_do_not_matter():
    assert select_frames([9, 4, 3, 7, 4], "last_k", count=2) == [7, 9]
    assert select_frames([9, 4, 3, 7], "peak", apex=8) == [7]
    assert select_frames([3, 4, 7, 9], "onset_apex_second_half", apex=7) == [4, 7]


def test_around_the_apex_moves_inwards_at_both_ends():
    assert select_frames(range(10), "around_apex", apex=9, count=3) == [7, 8, 9]
    assert select_frames(range(10), "around_apex", apex=0, count=4) == [0, 1, 2, 3]


@pytest.mark.parametrize("policy", POLICIES)
def test_short_videos_give_what_there_is(policy):
    assert select_frames([7], policy, apex=7, count=5) == [7]
    assert select_frames([], policy, apex=7, count=5) == []
    assert set(select_frames([7, 8], policy, apex=8, count=5)) <= {7, 8}


def test_one_of_k_is_the_middle():
    assert select_frames(range(9), "middle_k", count=1) == [4]
    assert select_frames(range(9), "evenly_k", count=1) == [4]
    assert middle_frame([1, 2, 3, 4]) == 3


@pytest.mark.parametrize("policy", ["peak", "around_apex", "onset_apex_second_half"])
def test_a_policy_that_needs_the_apex_says_so(policy):
    with pytest.raises(ConfigError, match=f"frames={policy} needs the apex"):
        select_frames([1, 2], policy, apex=None)


def test_a_wrong_policy_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'middle_k'"):
        select_frames([1, 2], "midle_k")


def test_no_frames_at_all_cannot_be_asked_for():
    with pytest.raises(ConfigError, match="count=0"):
        select_frames([1, 2], "all", count=0)
