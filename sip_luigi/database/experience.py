"""What the record of runs teaches: how long stages take, how large their products are, what they were made of."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from sip_luigi.database.bulk import table_of
from sip_luigi.database.models import Product, Subband
from sip_luigi.domain.redone import Recipe

MOST = 20_000
"""Products that are looked at, the newest ones."""


class Experience(NamedTuple):
    """What is known of the products of a stage.

    Attributes
    ----------
    n : int
        Products that it is known from.
    elapsed_s : float
        Median time that one takes.
    size_bytes : float
        Median size.
    per_raw_byte : float or None
        Median size in sizes of the subband's raw data; None where there is no subband.
    """

    n: int
    elapsed_s: float
    size_bytes: float
    per_raw_byte: float | None


def experience(connection: Connection, obs_id: str) -> dict[str, Experience]:
    """What is known of each stage: of this observation where it is, else of all.

    Of a stage that this observation has been through its own figures are the better ones: others are longer, or have
    more channels.
    """
    product, subband = table_of(Product), table_of(Subband)
    same = (subband.c.obs_id == product.c.obs_id) & (subband.c.name == product.c.subband)
    columns = [product.c.obs_id, product.c.stage, product.c.elapsed_s, product.c.size_bytes]
    query = select(*columns, subband.c.size_bytes.label("raw_bytes")).select_from(
        product.outerjoin(subband, same)
    )
    rows = connection.execute(query.order_by(product.c.product_id.desc()).limit(MOST)).all()
    own: dict[str, list[Any]] = defaultdict(list)
    others: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        (own if row.obs_id == obs_id else others)[row.stage].append(row)
    return {stage: _summary(own.get(stage) or others[stage]) for stage in {*own, *others}}


def _summary(rows: list[Any]) -> Experience:
    ratios = [row.size_bytes / row.raw_bytes for row in rows if row.raw_bytes]
    return Experience(
        n=len(rows),
        elapsed_s=median(row.elapsed_s for row in rows),
        size_bytes=median(row.size_bytes for row in rows),
        per_raw_byte=median(ratios) if ratios else None,
    )


def recipes(connection: Connection, obs_id: str) -> dict[str, dict[str, Recipe]]:
    """What the products of an observation were made of, by name and key, the newest last."""
    product = table_of(Product)
    columns = [product.c.name, product.c.key, product.c.stage_version, product.c.settings, product.c.inputs]
    query = select(*columns, product.c.input_fingerprints).where(product.c.obs_id == obs_id)
    found: dict[str, dict[str, Recipe]] = defaultdict(dict)
    for row in connection.execute(query.order_by(product.c.made, product.c.product_id)).all():
        known = found[row.name]
        known.pop(row.key, None)
        known[row.key] = Recipe(row.key, row.stage_version, row.settings, row.inputs, row.input_fingerprints)
    return found
