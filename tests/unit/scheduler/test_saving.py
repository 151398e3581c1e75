"""The state is saved when something has changed, and calls are answered meanwhile."""

import asyncio
import json

from scheduler_calls import add

from sip_luigi.scheduler.saving import Saver


def saved(scheduler):
    return {task["id"] for task in json.loads(scheduler.state_file.path.read_text())["tasks"]}


def test_only_what_has_changed_is_saved(scheduler):
    async def live():
        saver = Saver(scheduler, 30.0)
        await saver.save()
        assert not scheduler.state_file.path.exists()
        add(scheduler, "a")
        assert await saver.save() > 0
        assert saved(scheduler) == {"a"}
        scheduler.state_file.path.unlink()
        assert await saver.save() == 0
        assert not scheduler.state_file.path.exists()
        scheduler.update_resource("node.cores", 4)
        await saver.save()
        assert saved(scheduler) == {"a"}

    asyncio.run(live())


def test_what_could_not_be_saved_is_tried_again(scheduler, caplog):
    async def live():
        saver = Saver(scheduler, 30.0)
        add(scheduler, "a")
        scheduler.state_file.path.mkdir()
        await saver.save()
        assert "could not be saved" in caplog.text
        scheduler.state_file.path.rmdir()
        await saver.save()
        assert saved(scheduler) == {"a"}

    asyncio.run(live())


def test_it_goes_on_saving(scheduler, monkeypatch, caplog):
    async def live():
        saving = asyncio.create_task(Saver(scheduler, 0.01).keep_saving())
        add(scheduler, "a")
        while not scheduler.state_file.path.exists():
            await asyncio.sleep(0.01)
        scheduler.state._tasks["a"].expl = object()
        scheduler.state.touch("a")
        while "could not be put into words" not in caplog.text:
            await asyncio.sleep(0.01)
        scheduler.state._tasks["a"].expl = "why"
        add(scheduler, "b")
        while saved(scheduler) != {"a", "b"}:
            await asyncio.sleep(0.01)
        saving.cancel()

    asyncio.run(asyncio.wait_for(live(), 20))


def test_calls_are_answered_while_it_saves(scheduler):
    for number in range(250):
        add(scheduler, f"{number}")

    async def live():
        saver, answered = Saver(scheduler, 30.0), []

        async def call():
            while len(answered) < 20 and not scheduler.state_file.path.exists():
                add(scheduler, f"new{len(answered)}")
                scheduler.state.inactivate_tasks([f"{len(answered)}"])
                answered.append(len(answered))
                await asyncio.sleep(0)

        calls = asyncio.create_task(call())
        await saver.save()
        await calls
        assert len(answered) >= 3
        await saver.save()
        assert saved(scheduler) == set(scheduler.state._tasks)

    asyncio.run(live())
    again = type(scheduler)(resources={}, state_path=str(scheduler.state_file.path))
    again.load()
    assert set(again.graph()) == set(scheduler.graph())
