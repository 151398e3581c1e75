"""What every stage has in common: its key, its product, and how it is made or given up."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast
from urllib.parse import quote

import luigi
from luigi.task_register import Register

from sip_luigi.domain.errors import (
    BadData,
    BadProduct,
    ConfigurationError,
    ProgramError,
    QuorumLost,
    SipError,
    TransportError,
)
from sip_luigi.domain.keys import product_key
from sip_luigi.domain.product import Loss, Manifest, Product
from sip_luigi.execution.failures import note_failure
from sip_luigi.execution.targets import ProductTarget
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.chain import Need, in_cycle
from sip_luigi.tasks.console import keep_log, refuse
from sip_luigi.tasks.context import Context, ContextParameter, open_context

logger = logging.getLogger("sip_luigi")

FORETOLD_TEXT = "text that was foretold"
"""Name of it among the measures."""
AGAIN = "asked for again"
"""What stands for it among the settings in a key."""
SHOWN_LINES = 1000
"""Of a log, by the link in the visualiser."""

Inputs = Mapping[str, Manifest]


class Stage(luigi.Task):
    """One stage of the pipeline.

    A subclass says which settings decide its product (:meth:`science`), where the product is
    (:meth:`product`) and how it is made (:meth:`make`); what it takes from which stage says
    :mod:`sip_luigi.tasks.chain`.
    """

    stage: ClassVar[str]
    version: ClassVar[int] = 1
    target_class: ClassVar[type[ProductTarget]] = ProductTarget
    may_be_lost: ClassVar[bool] = False
    """Whether the observation goes on without this product, whatever went wrong with it."""

    obs_id = luigi.Parameter(description="Observation id, for example L102085")
    context = ContextParameter()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own_context: Context | None = None
        try:
            # luigid knows a task by its id: another key is another task, whatever the parameters say.
            self.task_id = f"{self.task_id}_{self.key[:8]}"
            if self.is_root:
                keep_log(self.ctx.layout.logs / "pipeline.log")
        except SipError as error:
            if not self.is_root:
                raise
            refuse(error)

    @classmethod
    @cache
    def get_params(cls) -> list[tuple[str, luigi.Parameter[Any]]]:
        """The parameters of the class; Luigi itself looks for them anew at every instance."""
        return list(super().get_params())

    def __hash__(self) -> int:
        return hash(self.task_id)

    # -- what a stage says of itself ------------------------------------------------------------------

    def inputs(self) -> dict[str, Stage]:
        """Stages whose products this one uses, by role, as :mod:`sip_luigi.tasks.chain` says."""
        return {
            role: task
            for name, need in self.ctx.chain[self.task_family].items()
            for role, task in self._fulfil(name, need)
        }

    def _fulfil(self, name: str, need: Need) -> Iterator[tuple[str, Stage]]:
        section, _, setting = need.when.partition(".")
        if need.when and not getattr(getattr(self.ctx.settings, section), setting):
            return
        ctx = self.ctx.calibrator if need.of_calibrator else self.ctx
        if ctx is None:
            raise ConfigurationError(f"{self.name} needs {need.stage} of a calibrator, but none is named")
        own = getattr(self, "subband", "")
        subbands = [subband.name for subband in ctx.subbands] if need.every_subband else [own]
        for cycle in self.cycles_of(need):
            stage = need.stage if cycle >= 0 else need.at_first
            for subband in subbands if stage else ():
                role = subband if need.every_subband else name
                role = in_cycle(role, cycle) if need.cycle == "every" else role
                yield role, other(ctx, stage, subband=subband, cycle=max(cycle, 0))

    def cycles_of(self, need: Need) -> range:
        """Cycles of self-calibration from which something is needed; -1 before the first."""
        n_cycles = self.ctx.settings.pipeline.cycles
        if need.cycle == "every":
            return range(n_cycles)
        own = getattr(self, "cycle", 0) - (need.cycle == "previous")
        only = n_cycles - 1 if need.cycle == "last" else own
        return range(only, only + 1)

    def science(self) -> dict[str, Any]:
        """Settings that decide what the product contains."""
        return {}

    def product(self) -> Product:
        """Where the product is."""
        raise NotImplementedError

    def make(self, inputs: Inputs, log: TextIO) -> None:
        """Make the product and publish it."""
        raise NotImplementedError

    def foretell(self, inputs: Inputs) -> dict[str, Any] | None:
        """Measures that the product will have if all goes well, as far as later stages build their commands on them.

        For a dry run: nothing is written. None where that cannot be told before it is made.
        """
        return None

    def text_of(self, role: str, inputs: Inputs) -> str:
        """Content of an input that is a text file; of one that was only foretold, what was foretold."""
        text = inputs[role].measures.get(FORETOLD_TEXT)
        return text or Path(self.dependencies[role].product().path).read_text(encoding="utf-8")

    @property
    def name(self) -> str:
        """Name of the task for logs, parsets and loss records; unique in the observation."""
        return self.stage

    @property
    def label(self) -> str:
        """The name without the subband, for tables."""
        subband = getattr(self, "subband", "")
        return self.name.replace(f".{subband}", "") if subband else self.name

    @property
    def log_path(self) -> Path:
        """What the stage says while it runs."""
        return self.ctx.layout.logs / f"{self.name}.log"

    @property
    def log_url(self) -> str:
        """The same as the visualiser links to it."""
        if not self.ctx.logs_served:
            return self.log_path.as_uri()
        # Relative to the page of the visualiser: a tunnel or a proxy may give it another host, port and path.
        return f"../../jobs/{self.obs_id}/logs/{quote(self.log_path.name)}?tail={SHOWN_LINES}"

    def warn(self, text: str) -> None:
        """Say something that an operator has to know, once a run."""
        logger.warning("%s: %s", self.name, text)

    # -- what follows from it -------------------------------------------------------------------------

    @property
    def is_root(self) -> bool:
        """Whether this is the task that the user asked for."""
        return self.context is None

    @property
    def ctx(self) -> Context:
        """The context, given by the task that requires this one or opened for it alone."""
        if self.context is not None:
            return cast(Context, self.context)
        if self._own_context is None:
            self._own_context = open_context(self.obs_id, self.read_settings())
        return self._own_context

    def read_settings(self) -> Settings:
        """The configuration of an own context."""
        return load_settings()

    @cached_property
    def key(self) -> str:
        """Merkle key of the product."""
        return product_key(self.stage, self.version, self.recipe_settings(), self.recipe_inputs())

    def recipe_settings(self) -> dict[str, Any]:
        """Settings in the key: the science, and how often an operator has asked for the product afresh."""
        again = self.ctx.again.get(self.task_family, 0)
        return {**self.science(), AGAIN: again} if again else self.science()

    def recipe_inputs(self) -> dict[str, str]:
        """Keys of inputs in the key."""
        return {role: task.key for role, task in self.dependencies.items() if role not in self.by_content}

    @property
    def by_content(self) -> frozenset[str]:
        """Roles of inputs of which only what they say counts, see :class:`sip_luigi.tasks.chain.Need`."""
        return frozenset(role for role, need in self.ctx.chain[self.task_family].items() if need.by_content)

    @cached_property
    def measures_only(self) -> frozenset[str]:
        """Roles of inputs that need not be there any more, see :class:`sip_luigi.tasks.chain.Need`."""
        needs = {name: need for name, need in self.ctx.chain[self.task_family].items() if need.measures_only}
        return frozenset(role for name, need in needs.items() for role, _ in self._fulfil(name, need))

    @cached_property
    def dependencies(self) -> dict[str, Stage]:
        """:meth:`inputs`, asked once."""
        return self.inputs()

    def requires(self) -> list[Stage]:
        """The tasks behind :meth:`inputs`, for Luigi."""
        return list(self.dependencies.values())

    def afterwards(self) -> list[Stage]:
        """What this stage does itself once its product is there, because nothing may wait for it."""
        return []

    def output(self) -> ProductTarget:
        """The product as a Luigi target."""
        ctx = self.ctx
        return self.target_class(self.product(), self.key, ctx.index, ctx.losses, self.name)

    def complete(self) -> bool:
        """Whether the product, and everything it was made of, is there and belongs together."""
        known = self.ctx.complete
        complete = known.get(self.task_id)
        if complete is None:
            complete = known[self.task_id] = self._is_complete()
        return complete

    def _is_complete(self) -> bool:
        manifest = self.output().manifest()
        if (
            manifest is None
            or (self.is_root and manifest.loss)
            or not all(task.complete() for task in self.requires())
        ):
            return False
        found = {role: task.output().manifest() for role, task in self.dependencies.items()}
        made_of = self.made_of({role: entry for role, entry in found.items() if entry})
        return manifest.inputs == made_of and self.is_intact(manifest)

    def is_cleared(self) -> bool:
        """Whether the product was cleared away to make room."""
        manifest = self.output().manifest()
        return bool(manifest and manifest.cleared)

    def made_of(self, inputs: Inputs) -> dict[str, str]:
        """What the manifest says of the inputs, by role."""
        by_content = self.by_content
        return {
            role: manifest.content if role in by_content and not manifest.loss else manifest.fingerprint
            for role, manifest in inputs.items()
        }

    def run(self) -> None:
        """Make the product unless it is there; record a loss or raise when it cannot be made."""
        while True:
            try:
                self._run_in_place()
            except TransportError as error:
                # A compute node that is gone: its subbands have got another, where all is made afresh.
                if not self.ctx.give_up(error):
                    raise
            else:
                return

    def _run_in_place(self) -> None:
        self.ctx.forget()
        inputs, present = self._look()
        made_of = self.made_of(inputs)
        there = present is not None and not present.cleared
        if present and there and present.inputs == made_of and self.is_intact(present):
            self._refuse_loss(present)
            return
        if reason := self.passes(inputs):
            self._pass_over(reason, made_of)
            return
        if self.leave_drained_node():
            inputs, _ = self._look()
        started = time.monotonic()
        self.ctx.losses.remove(self.name)
        try:
            self.refuse_lost(inputs)
            self._try(inputs)
        except SipError as error:
            if not self.loss_is_final(error):
                logger.error("%s failed: %s", self.name, error)
                raise
            self._lose(error, inputs, made_of)
            self._refuse_loss(self.current_manifest())
        else:
            logger.info("%s done in %.1f s", self.name, time.monotonic() - started)
        self.ctx.forget()

    def leave_drained_node(self) -> bool:
        """Move to another node if the one of the product takes no new work; tell whether it did."""
        return False

    def passes(self, inputs: Inputs) -> str:
        """Why nobody needs this product any more, empty when it has to be made."""
        return next((manifest.passed for manifest in inputs.values() if manifest.passed), "")

    def _pass_over(self, reason: str, made_of: dict[str, str]) -> None:
        logger.debug("%s is passed over: %s", self.name, reason)
        manifest = Manifest(self.key, self.stage, self.version, inputs=made_of, passed=reason)
        self.ctx.losses.record(self.name, manifest)
        self.ctx.forget()

    def _refuse_loss(self, manifest: Manifest | None) -> None:
        """Raise when the very thing that the user asked for is lost."""
        if self.is_root and manifest and manifest.loss:
            raise BadData(
                f"{self.name} is lost in {manifest.loss.stage}: {manifest.loss.reason}. Try again what was lost: "
                f"sip retry {self.obs_id} --lost"
            )

    def loss_is_final(self, error: SipError) -> bool:
        """Whether an error is recorded as a loss, and not raised for the next run to try again."""
        if isinstance(error, ConfigurationError) or is_gone(error):
            return False
        return self.may_be_lost or isinstance(error, (InputLost, QuorumLost))

    def is_intact(self, manifest: Manifest) -> bool:
        """Whether all is there that goes with the product, beyond what its manifest counts."""
        return True

    def refuse_lost(self, inputs: Inputs) -> None:
        """Raise when the stage cannot do without what was lost; by default it needs everything."""
        for manifest in inputs.values():
            if manifest.loss:
                raise InputLost(manifest.loss)

    def _look(self) -> tuple[dict[str, Manifest], Manifest | None]:
        """Look afresh at the inputs and the product; an input that is not there any more is made again."""
        found = self.ctx.index.look([task.product() for task in (*self.dependencies.values(), self)])
        inputs = {}
        for role, task in self.dependencies.items():
            manifest = task.output().judge(found[task.product()])
            usable = manifest and not (manifest.cleared and role not in self.measures_only)
            inputs[role] = manifest if manifest and usable else self._made_again(task)
        return inputs, self.output().judge(found[self.product()])

    def _made_again(self, task: Stage) -> Manifest:
        logger.warning("%s: its input %s is not there any more: it is made again", self.name, task.name)
        task.run()
        manifest = task.current_manifest()
        if manifest is None:
            raise ProgramError(
                f"{self.name}: its input {task.name} is not there though it was just made: something else removes "
                f"or replaces {task.product().name}; stop that and start the pipeline again"
            )
        return manifest

    def current_manifest(self) -> Manifest | None:
        """Manifest of the product, or of its loss, as they are now."""
        product = self.product()
        return self.output().judge(self.ctx.index.look([product])[product])

    def _try(self, inputs: Inputs) -> None:
        cluster, said = self.ctx.settings.cluster, ""
        for attempt in range(cluster.retries + 1):
            path = self.log_path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if attempt else "w", encoding="utf-8") as log:
                try:
                    self.make(inputs, log)
                except SipError as error:
                    log.write(f"attempt {attempt + 1}: {error}\n")
                    again = isinstance(error, BadProduct) and str(error) == said
                    if is_gone(error) or not error.retryable or again or attempt == cluster.retries:
                        raise
                    said = str(error)
                    logger.warning("%s: attempt %d failed, trying again: %s", self.name, attempt + 1, error)
                else:
                    return
            time.sleep(cluster.retry_delay_s * 2**attempt)

    def on_failure(self, exception: BaseException) -> Any:
        """Note what failed and what is to blame, for those who decide whether it is tried again."""
        with contextlib.suppress(OSError):
            note_failure(self.ctx.layout.failures, self.name, exception)
        return super().on_failure(exception)

    def _lose(self, error: SipError, inputs: Inputs, made_of: dict[str, str]) -> None:
        loss = error.loss if isinstance(error, InputLost) else Loss(self.stage, str(error), error.cause)
        if not isinstance(error, InputLost):
            logger.error("%s is lost: %s", self.name, error)
        manifest = Manifest(self.key, self.stage, self.version, inputs=made_of, loss=loss)
        self.ctx.losses.record(self.name, manifest)


class InputLost(BadData):
    """An input that this stage needs was lost; the loss goes on to its product.

    Parameters
    ----------
    loss : Loss
        What was lost, where and why.
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__(f"lost in {loss.stage}: {loss.reason}")
        self.loss = loss


def other(ctx: Context, stage: str, **parameters: Any) -> Stage:
    """A stage of an observation; of the parameters it is given those that it has."""
    task_class = Register.get_task_cls(stage)
    known = dict(task_class.get_params())
    given = {name: value for name, value in parameters.items() if name in known}
    task: Stage = task_class(obs_id=ctx.layout.obs_id, context=ctx, **given)
    return task


def is_gone(error: SipError) -> bool:
    """Whether an error says that a node has not answered for so long that its work has to move."""
    return isinstance(error, TransportError) and bool(error.node)
