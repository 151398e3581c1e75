"""The scheduler as a server: Luigi's calls and visualiser, and the job directories beside them."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from contextlib import suppress
from ipaddress import ip_address

import luigi.server
from tornado.httpserver import HTTPServer
from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets
from tornado.web import Application

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.scheduler.calls import OwnPagesHandler
from sip_luigi.scheduler.central import CentralScheduler
from sip_luigi.scheduler.lock import held
from sip_luigi.scheduler.make import lock_path, make_scheduler, url_of
from sip_luigi.scheduler.pages import routes
from sip_luigi.scheduler.saving import Saver
from sip_luigi.settings import Settings

logger = logging.getLogger("sip_luigi")

PRUNE_MS = 60_000
"""As often as luigid removes what nobody wants any more."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def serve(settings: Settings) -> None:
    """Run a scheduler until a signal ends it.

    Raises
    ------
    AlreadyRunning
        One runs already.
    ConfigurationError
        The port is taken, or the directory cannot be written.
    """
    with held(lock_path(settings), url_of(settings)):
        sockets = _bind(settings)
        _warn_of_strangers(settings)
        asyncio.run(_serve(settings, sockets))


async def _serve(settings: Settings, sockets: list[socket.socket]) -> None:
    scheduler = make_scheduler(settings)
    saver = Saver(scheduler, settings.scheduler_server.save_interval_s)
    server = HTTPServer(make_application(settings, scheduler))
    server.add_sockets(sockets)
    pruner = PeriodicCallback(scheduler.prune, PRUNE_MS)
    pruner.start()
    saving = asyncio.create_task(saver.keep_saving())
    logger.info("the scheduler answers at %s", url_of(settings))
    await _signalled()
    logger.info("the scheduler saves its state and ends")
    server.stop()
    pruner.stop()
    saving.cancel()
    with suppress(asyncio.CancelledError):
        await saving
    await saver.save()
    scheduler.close()


async def _signalled() -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, told.set)
    await told.wait()


def make_application(settings: Settings, scheduler: CentralScheduler) -> Application:
    """Luigi's pages and calls, and what is beside them."""
    application: Application = luigi.server.app(scheduler)
    application.add_handlers(".*$", [(r"/api/(.*)", OwnPagesHandler, {"scheduler": scheduler})])
    if settings.scheduler_server.serve_jobs:
        application.add_handlers(".*$", routes(settings))
    return application


def _bind(settings: Settings) -> list[socket.socket]:
    chosen = settings.scheduler_server
    try:
        return bind_sockets(chosen.port, address=chosen.address)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = "another program listens there; end it or take another port" if taken else f"{error}"
        raise ConfigurationError(
            f"[scheduler_server] address = {chosen.address}, port = {chosen.port}: {what}"
        ) from error


def _warn_of_strangers(settings: Settings) -> None:
    chosen = settings.scheduler_server
    try:
        alone = ip_address(chosen.address).is_loopback
    except ValueError:
        alone = chosen.address == "localhost"
    if not alone:
        logger.warning(
            "[scheduler_server] address = %s: whoever reaches port %d can stop runs and read logs and results; "
            "there are no passwords",
            chosen.address,
            chosen.port,
        )
