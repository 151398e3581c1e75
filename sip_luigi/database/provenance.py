"""Write down what was run, and what came of it. Everything may be written twice: it is there once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from sip_luigi.database.bulk import table_of
from sip_luigi.database.engine import Database
from sip_luigi.database.models import Loss, Observation, Product, QualityFigure, Run, Subband
from sip_luigi.database.schema import prepare
from sip_luigi.domain.product import Manifest
from sip_luigi.domain.redone import Recipe, why_redone

RUNNING = "running"


@dataclass(frozen=True)
class RunStart:
    """One call of the main command, as table ``run`` has it; see there."""

    run_id: str
    obs_id: str
    task: str
    host: str
    pid: int
    process_start: str
    username: str
    command: list[str]
    software: Mapping[str, str]
    settings: Mapping[str, Any]
    started: str


@dataclass(frozen=True)
class Made:
    """A product or a loss, with what its key was made of.

    Attributes
    ----------
    name, subband, cycle
        Of the task.
    node, path : str
        Where the product is.
    manifest : Manifest
        What it is.
    settings : mapping
        Science settings of the stage.
    inputs : mapping
        Keys of the inputs by role.
    """

    name: str
    subband: str
    cycle: int | None
    node: str
    path: str
    manifest: Manifest
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """What is known of an observation at the end of a run.

    Attributes
    ----------
    obs_id : str
        The observation.
    observation : mapping
        Columns of table ``observation`` that are known.
    subbands : sequence of mapping
        Columns of table ``subband``.
    made : sequence of Made
        Products and losses.
    quality : mapping
        Figures of ``quality.json``.
    quality_key : str
        Key of the product that holds them.
    """

    obs_id: str
    observation: Mapping[str, Any] = field(default_factory=dict)
    subbands: Sequence[Mapping[str, Any]] = ()
    made: Sequence[Made] = ()
    quality: Mapping[str, Any] = field(default_factory=dict)
    quality_key: str = ""


def begin_run(database: Database, run: RunStart) -> None:
    """Write down that a run has begun."""
    prepare(database)
    with database.writing() as connection:
        values = {**asdict(run), "ended": None, "outcome": RUNNING}
        _put(connection, table_of(Run), {"run_id": run.run_id}, values)


def end_run(database: Database, run_id: str, outcome: str, ended: str, *records: Record) -> None:
    """Write down how a run ended and all that there is of its observation, and of a calibrator's."""
    prepare(database)
    with database.writing() as connection:
        run = table_of(Run)
        connection.execute(update(run).where(run.c.run_id == run_id).values(ended=ended, outcome=outcome))
        for record in records:
            _write_record(connection, run_id, record)


def _write_record(connection: Connection, run_id: str, record: Record) -> None:
    _put(connection, table_of(Observation), {"obs_id": record.obs_id}, record.observation)
    for row in record.subbands:
        _put(connection, table_of(Subband), {"obs_id": record.obs_id, "name": row["name"]}, row)
    _write_products(connection, run_id, record)
    _write_losses(connection, run_id, record)
    for name, value in record.quality.items():
        key = {"obs_id": record.obs_id, "product_key": record.quality_key, "name": name[:100]}
        _put(connection, table_of(QualityFigure), key, {"value": value})


def _write_products(connection: Connection, run_id: str, record: Record) -> None:
    product = table_of(Product)
    known = connection.execute(
        select(product)
        .where(product.c.obs_id == record.obs_id)
        .order_by(product.c.made, product.c.product_id)
    ).all()
    there = {(row.name, row.fingerprint, row.made, row.node) for row in known}
    last = {row.name: _recipe(row) for row in known}
    rows = []
    for made in record.made:
        manifest = made.manifest
        if manifest.loss or (made.name, manifest.fingerprint, manifest.made, made.node) in there:
            continue
        recipe = Recipe(manifest.key, manifest.version, made.settings, made.inputs, manifest.inputs)
        rows.append(_product_row(run_id, record.obs_id, made, why_redone(last.get(made.name), recipe)))
    if rows:
        connection.execute(insert(product), rows)


def _recipe(row: Any) -> Recipe:
    return Recipe(row.key, row.stage_version, row.settings, row.inputs, row.input_fingerprints)


def _product_row(run_id: str, obs_id: str, made: Made, why: str) -> dict[str, Any]:
    manifest = made.manifest
    return {
        "run_id": run_id,
        "obs_id": obs_id,
        "name": made.name,
        "stage": manifest.stage,
        "subband": made.subband,
        "cycle": made.cycle,
        "stage_version": manifest.version,
        "key": manifest.key,
        "fingerprint": manifest.fingerprint,
        "node": made.node,
        "path": made.path,
        "host": manifest.host,
        "made": manifest.made,
        "elapsed_s": manifest.elapsed_s,
        "n_files": manifest.n_files,
        "size_bytes": manifest.size_bytes,
        "resources": manifest.measures.get("resources", {}),
        "commands": [list(argv) for argv in manifest.commands],
        "measures": dict(manifest.measures),
        "settings": dict(made.settings),
        "inputs": dict(made.inputs),
        "input_fingerprints": dict(manifest.inputs),
        "why": why,
    }


def _write_losses(connection: Connection, run_id: str, record: Record) -> None:
    for made in record.made:
        loss = made.manifest.loss
        if loss:
            key = {"obs_id": record.obs_id, "name": made.name, "key": made.manifest.key}
            values = {"run_id": run_id, "stage": loss.stage, "reason": loss.reason}
            _put(connection, table_of(Loss), key, values, keep=("run_id",))


def _put(
    connection: Connection,
    table: Table,
    key: Mapping[str, Any],
    values: Mapping[str, Any],
    keep: Iterable[str] = (),
) -> None:
    """Insert a row, or bring the one that is there up to date but for what is to be kept."""
    same = [table.c[name] == value for name, value in key.items()]
    there = connection.execute(select(*table.primary_key.columns).where(*same)).first()
    if there is None:
        connection.execute(insert(table).values(**{**values, **key}))
        return
    changed = {name: value for name, value in values.items() if name not in key and name not in keep}
    if changed:
        connection.execute(update(table).where(*same).values(**changed))
