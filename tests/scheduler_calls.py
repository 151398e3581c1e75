"""Calls to a scheduler as a worker makes them."""


def add(scheduler, task_id, deps=(), worker="w", **options):
    """Give a task, or say what has become of it."""
    scheduler.add_task(
        worker=worker, task_id=task_id, deps=list(deps), family="F", params={"n": task_id}, **options
    )


def take(scheduler, worker="w", **options):
    """Ask for work; the id of the task."""
    return scheduler.get_work(worker=worker, host="here", **options)["task_id"]
