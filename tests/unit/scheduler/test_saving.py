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
