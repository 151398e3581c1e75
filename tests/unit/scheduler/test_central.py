"""What the scheduler hands out, in cases small enough to read; that it is what Luigi does is tested elsewhere."""

import pytest
from scheduler_calls import add, take


def test_requirements_go_first_and_priority_decides(scheduler):
    add(scheduler, "last", ["first", "urgent"])
    add(scheduler, "first")
    add(scheduler, "urgent", priority=1)
    assert [take(scheduler) for _ in range(3)] == ["urgent", "first", None]
    add(scheduler, "urgent", status="DONE")
    assert take(scheduler) is None
    add(scheduler, "first", status="DONE")
    assert take(scheduler) == "last"


def test_what_does_not_fit_is_passed_over(scheduler):
    for number in range(3):
        add(scheduler, f"big{number}", resources={"cpu": 2})
    add(scheduler, "other", resources={"disk": 1})
    scheduler.add_worker("w", {"workers": 4})
    assert [take(scheduler, current_tasks=None) for _ in range(3)] == ["big0", "other", None]


def test_a_big_task_is_not_starved_by_small_ones(scheduler):
    scheduler.add_worker("w", {"workers": 4})
    add(scheduler, "small0", resources={"cpu": 1})
    assert take(scheduler) == "small0"
    add(scheduler, "big", resources={"cpu": 2}, priority=1)
    add(scheduler, "small1", resources={"cpu": 1})
    assert take(scheduler) is None, "what is left is set aside for the big one"


def test_counts_without_what_stands_behind_a_disabled_task(scheduler):
    add(scheduler, "end", ["middle"])
    add(scheduler, "middle", ["start"])
    add(scheduler, "start", status="DISABLED")
    add(scheduler, "alone")
    counted = scheduler.count_pending("w")
    assert counted["n_pending_tasks"] == counted["n_unique_pending"] == 1
    scheduler.mark_as_done("start")
    assert scheduler.count_pending("w")["n_pending_tasks"] == 3


def test_a_removed_task_is_not_counted(make):
    scheduler = make(remove_delay=-1)
    add(scheduler, "gone", assistant=True)
    assert scheduler.count_pending("w")["n_pending_tasks"] == 1
    scheduler.prune()
    scheduler.prune()
    assert scheduler.count_pending("w")["n_pending_tasks"] == 0
    assert take(scheduler) is None


def test_a_requirement_that_is_taken_up_again_holds_back_what_needs_it(make):
    scheduler = make(stable_done_cooldown_secs=0)
    add(scheduler, "first", status="DONE")
    add(scheduler, "last", ["first"])
    add(scheduler, "first")
    assert [take(scheduler), take(scheduler)] == ["first", None]


def test_tasks_that_run_as_one(scheduler):
    scheduler.add_task_batcher("w", "F", ["n"], max_batch_size=3)
    for number in range(5):
        add(scheduler, f"{number}", batchable=number != 1)
    add(scheduler, "other's", worker="v", batchable=True, priority=-1)
    first = scheduler.get_work(worker="w")
    assert first["batch_task_ids"] == ["0", "2", "3"]
    assert first["task_params"] == {"n": ["0", "2", "3"]}
    assert [take(scheduler), take(scheduler), take(scheduler)] == ["1", "4", None]


@pytest.mark.parametrize("resources", [{"cpu": 3}, {"unknown": 2}])
def test_more_than_there_is_waits(scheduler, resources):
    add(scheduler, "greedy", resources=resources)
    assert take(scheduler) is None
    for name, amount in resources.items():
        scheduler.update_resource(name, amount)
    assert take(scheduler) == "greedy"


def test_nothing_is_handed_out_while_paused(scheduler):
    add(scheduler, "a")
    scheduler.pause()
    assert take(scheduler) is None
    scheduler.unpause()
    assert take(scheduler) == "a"
