"""Remove products to make room: only what a manifest describes, and nothing that a job is making."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path
from typing import Any

from sip_luigi.domain.product import Product
from sip_luigi.node import job
from sip_luigi.node.files import remove
from sip_luigi.node.look import look_at_product


def clear(request: dict[str, Any]) -> dict[str, Any]:
    """Weigh products, or remove them.

    A product is renamed before it is removed: an interruption leaves nothing that looks like one.

    Parameters
    ----------
    request : dict
        ``products``: list of ``{path, kind, key, job}``, the last one the directory of the job that makes it;
        ``remove``: whether to do it; without, nothing is changed.

    Returns
    -------
    dict
        ``products``: by path the bytes that it takes, links not counted, and why it was left where it was:
        ``{bytes, left}``.
    """
    return {
        "products": {item["path"]: _clear(item, bool(request.get("remove"))) for item in request["products"]}
    }


def _clear(item: dict[str, Any], really: bool) -> dict[str, Any]:
    product = Product("", item["path"], item["kind"])
    manifest = look_at_product(item)
    if manifest is None:
        return {"bytes": 0, "left": "no product with a manifest that fits"}
    if manifest["key"] != item["key"]:
        return {
            "bytes": 0,
            "left": f"it is another product: key {manifest['key'][:8]}, expected {item['key'][:8]}",
        }
    path = Path(product.path)
    size = weigh(path)
    if not really:
        return {"bytes": size, "left": ""}
    with job.product_locked(Path(item["job"])) as mine:
        if not mine:
            return {"bytes": 0, "left": "a job is making it"}
        aside = path.with_name(f"{path.name}.old-{uuid.uuid4().hex[:12]}")
        path.rename(aside)
        remove(aside)
    return {"bytes": size, "left": ""}


def weigh(path: Path) -> int:
    """Bytes on the disk of a file or a tree; a link weighs nothing."""
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            return sum(weigh(Path(entry.path)) for entry in entries)
    return 0 if stat.S_ISLNK(status.st_mode) else status.st_blocks * 512
