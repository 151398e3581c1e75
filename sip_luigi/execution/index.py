"""What is where: one look per node for all products of an observation.

Three answers are kept apart: a product is there, it is not there, or nobody could look. The last is an
exception, never taken for the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sip_luigi.domain.product import Manifest, Product
from sip_luigi.execution.connection import Connection

MAX_THREADS = 32
"""Nodes that are looked at side by side."""


def read_manifest(value: Mapping[str, Any] | None) -> Manifest | None:
    """Manifest from a node's answer."""
    return Manifest.from_json(value) if value else None


@dataclass
class NodeIndex:
    """Looks at products on nodes, and keeps what it saw for one scheduling pass.

    Parameters
    ----------
    connections : mapping
        The nodes by name.
    """

    connections: Mapping[str, Connection]
    _seen: dict[Product, Manifest | None] = field(default_factory=dict)

    def look(self, products: Iterable[Product]) -> dict[Product, Manifest | None]:
        """Look at products afresh, with one command a node."""
        by_node: dict[str, list[Product]] = defaultdict(list)
        for product in products:
            by_node[product.node].append(product)
        if len(by_node) == 1:
            return self._look_at_node(*by_node.popitem())
        with ThreadPoolExecutor(min(MAX_THREADS, max(1, len(by_node)))) as pool:
            found = pool.map(lambda entry: self._look_at_node(*entry), by_node.items())
            return {product: manifest for states in found for product, manifest in states.items()}

    def _look_at_node(self, node: str, wanted: list[Product]) -> dict[Product, Manifest | None]:
        request = {"products": [{"path": item.path, "kind": item.kind} for item in wanted]}
        answer = self.connections[node].call("look", request)["products"]
        return {item: read_manifest(answer[item.path]) for item in wanted}

    def remember(self, products: Iterable[Product]) -> None:
        """Look at products afresh and keep the answers."""
        self._seen = self.look(products)

    def manifest(self, product: Product) -> Manifest | None:
        """What was seen of a product, looking only when it has not been seen."""
        seen = self._seen
        if product not in seen:
            seen.update(self.look([product]))
        return seen[product]

    def forget(self) -> None:
        """Drop what was seen: something has been made since."""
        # Not cleared: another thread may be reading.
        self._seen = {}
