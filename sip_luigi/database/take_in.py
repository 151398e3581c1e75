"""Let the sky model learn from an image, a survey or another model: one transaction, one new version."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select

from sip_luigi.database import sources
from sip_luigi.database.batch import Batch, ImageInfo, Rules, coverage_of
from sip_luigi.database.bulk import insert_rows, next_id, refresh_statistics, table_of
from sip_luigi.database.engine import Database
from sip_luigi.database.models import Detection, Image, Link, Observation, SkySource
from sip_luigi.database.schema import prepare
from sip_luigi.database.versions import (
    UPDATE,
    Taken,
    add_version,
    head,
    image_numbers,
    images_of,
    next_version,
    taken_before,
)
from sip_luigi.domain.acceptance import Verdict, judge
from sip_luigi.domain.angles import separation
from sip_luigi.domain.association import ARCSEC_RAD, Associations, associate
from sip_luigi.domain.coverage import has_appeared, has_vanished, should_be_seen
from sip_luigi.domain.healpix import cone_ranges, pixels, ranges_near
from sip_luigi.domain.light_curve import total
from sip_luigi.domain.sky import LINK, POINT, TERMS, Kind, Rows, distinct, empty
from sip_luigi.domain.sky_spectra import flux_at
from sip_luigi.domain.sky_summary import begin, summarise

SHARPER = 0.7
"""A beam below so much of the one with which a source was measured resolves it."""
MANY = 10_000
"""From so many rows on the database has to look anew at what its tables are like."""
SAME_BAND = 1.2
"""Images whose frequencies are nearer than this ratio are compared in quality."""


def take_in(database: Database, batch: Batch, rules: Rules) -> Taken:
    """Take something in, unless it was before.

    Raises
    ------
    DatabaseError, DiskFull, ConfigurationError
        The database cannot be written; nothing was changed.
    """
    prepare(database)
    with database.writing() as connection:
        before = taken_before(connection, batch.origin)
        return before or _Writer(connection, batch, rules).write()


class _Writer:
    """One new version; the transaction is that of the caller."""

    def __init__(self, connection: Connection, batch: Batch, rules: Rules) -> None:
        self.connection, self.batch, self.rules = connection, batch, rules
        self.image, self.found = batch.image, batch.detections
        self.parent, self.version = head(connection), next_version(connection)
        self.image_id = next_id(connection, Image)
        known = images_of(connection, self.parent)
        self.replaced = {
            key: row for key, row in known.items() if row.obs_id and row.obs_id == self.image.obs_id
        }
        self.earlier = {key: row for key, row in known.items() if key not in self.replaced}

    def write(self) -> Taken:
        """Judge, then learn."""
        verdict = self.verdict()
        # Rows refer to the version, which refers to its summary: it is written twice.
        taken = Taken(self.version, verdict.accepted, verdict.reason, {})
        if verdict.accepted:
            summary = self.learn()
            taken = taken._replace(summary=summary)
        add_version(self.connection, self.batch.action, self.batch.origin, self.parent, taken)
        self._write_image(len(self.found) if verdict.accepted else 0)
        return taken

    def verdict(self) -> Verdict:
        """Whether the image is good enough."""
        if self.batch.action != UPDATE:
            return Verdict(True, f"{self.batch.action} of {self.image.name}")
        last = self._last_of_field()
        return judge(self.image.quality, last.quality if last is not None else None, self.rules.limits)

    def _last_of_field(self) -> Any:
        """The last accepted image of the same field and band, of another observation."""
        rows = [row for row in self.earlier.values() if row.kind == self.image.kind and self._same_field(row)]
        return max(rows, key=lambda row: int(row.version), default=None)

    def _same_field(self, row: Any) -> bool:
        distance = separation(row.ra_rad, row.dec_rad, self.image.ra_rad, self.image.dec_rad)
        ratio = row.freq_hz / self.image.freq_hz
        return distance < 0.5 * self.image.radius_rad and 1 / SAME_BAND < ratio < SAME_BAND

    def learn(self) -> dict[str, int]:
        """Associate, write detections, links and states; how many sources are what."""
        known = self._known()
        image = self.image
        pairs = associate(
            known, self.found, image.beam_arcsec, image.astrometric_error_rad, self.rules.criteria
        )
        resolved = self._resolved(known, pairs)
        detection_id = next_id(self.connection, Detection)
        ids = detection_id + np.arange(len(self.found))
        new, parents = self._new(known, pairs, resolved)
        links = np.concatenate(
            (
                self._pair_links(known, pairs, ids, resolved),
                self._new_links(new, ids[self._new_detections(pairs, resolved)]),
                self._limits(known[pairs.undetected]),
            )
        )
        gone = distinct(known["source_id"][pairs.known[resolved]])
        summary = self._write_states(known, new, links, gone)
        self._write_found(new, parents, links, detection_id)
        return summary | {"detections": len(self.found), "associated": len(distinct(pairs.found))}

    # -- what is known --------------------------------------------------------------------------------

    def _known(self) -> Rows:
        """Sources that the image may show, ought to show, or of which the image that it replaces spoke."""
        beam_rad = max(sources.largest_beam_rad(self.connection), self.image.beam_arcsec * ARCSEC_RAD)
        near = ranges_near(
            self.found["ra_rad"], self.found["dec_rad"], self.rules.criteria.max_beams * beam_rad
        )
        ranges = [near]
        if self.image.radius_rad > 0:
            ranges.append(cone_ranges(self.image.ra_rad, self.image.dec_rad, self.image.radius_rad))
        rows = [sources.sources_in(self.connection, np.concatenate(ranges), self.parent)]
        touched = sources.linked_to(self.connection, image_numbers(self.replaced))
        rows.append(sources.sources_of(self.connection, touched, self.parent))
        return sources.once(np.concatenate(rows))

    def _resolved(self, known: Rows, pairs: Associations) -> NDArray[np.bool_]:
        """Pairs of a source that this image takes apart because it is sharper: each part becomes a source."""
        sharper = self.image.beam_arcsec < SHARPER * known["beam_arcsec"][pairs.known]
        return np.asarray((pairs.kind == Kind.ONE_TO_MANY) & sharper)

    # -- what is new ----------------------------------------------------------------------------------

    def _new_detections(self, pairs: Associations, resolved: NDArray[np.bool_]) -> NDArray[np.int64]:
        # In the order of the index: millions of entries go into it one after the other.
        place = pixels(self.found["ra_rad"][pairs.new], self.found["dec_rad"][pairs.new])
        return np.concatenate((pairs.new[np.argsort(place, kind="stable")], pairs.found[resolved]))

    def _new(
        self, known: Rows, pairs: Associations, resolved: NDArray[np.bool_]
    ) -> tuple[Rows, NDArray[np.int64]]:
        """New sources, and the one that each is a part of, 0 for none."""
        chosen = self._new_detections(pairs, resolved)
        first = next_id(self.connection, SkySource)
        index, image = self.rules.default_spectral_index, self.image
        new = begin(self.found[chosen], first, image.freq_hz, image.beam_arcsec, index)
        if self.batch.spectra is not None:
            for number, name in enumerate(TERMS):
                new[name] = self.batch.spectra[chosen, number]
        whole = known[pairs.known[resolved]]
        n_alone = len(pairs.new)
        new["spectral_index"][n_alone:] = whole["spectral_index"]
        earlier = [coverage_of(row) for row in self.earlier.values() if self._overlaps(row)]
        new["appeared"][:n_alone] = has_appeared(new[:n_alone], earlier, self.rules.significance_sigma)
        parents = np.zeros(len(new), dtype=np.int64)
        parents[n_alone:] = whole["source_id"]
        return new, parents

    def _overlaps(self, row: Any) -> bool:
        """Whether an earlier image of the pipeline looked at a part of this one's field."""
        if not self.image.monitors or row.radius_rad <= 0:
            return False
        distance = separation(row.ra_rad, row.dec_rad, self.image.ra_rad, self.image.dec_rad)
        return bool(distance < row.radius_rad + self.image.radius_rad)

    # -- links ----------------------------------------------------------------------------------------

    def _pair_links(
        self, known: Rows, pairs: Associations, ids: NDArray[np.int64], resolved: NDArray[np.bool_]
    ) -> Rows:
        links = empty(LINK, len(pairs.known))
        links["source_id"], links["detection_id"] = known["source_id"][pairs.known], ids[pairs.found]
        links["kind"], links["de_ruiter_radius"] = pairs.kind, pairs.de_ruiter
        expected = np.maximum(flux_at(known[pairs.known], self.image.freq_hz), 1e-12)
        links["share"] = expected / total(expected, pairs.found, len(self.found))[pairs.found]
        return links[~resolved]

    def _new_links(self, new: Rows, ids: NDArray[np.int64]) -> Rows:
        links = empty(LINK, len(new))
        links["source_id"], links["detection_id"] = new["source_id"], ids
        links["kind"], links["share"] = Kind.NEW, 1.0
        return links

    def _limits(self, undetected: Rows) -> Rows:
        """Limits on sources that should have been seen."""
        if self.image.radius_rad <= 0:
            return empty(LINK)
        expected, limit = should_be_seen(undetected, coverage_of(self.image))
        links = empty(LINK, int(expected.sum()))
        links["source_id"], links["limit_jy"] = undetected["source_id"][expected], limit[expected]
        links["kind"] = Kind.UNDETECTED
        return links

    # -- states ---------------------------------------------------------------------------------------

    def _write_states(self, known: Rows, new: Rows, links: Rows, gone: NDArray[np.int64]) -> dict[str, int]:
        replaced = sources.linked_to(self.connection, image_numbers(self.replaced))
        touched = distinct(np.concatenate((links["source_id"], replaced)))
        before = known[np.isin(known["source_id"], touched)]
        old = sources.points_of(self.connection, before["source_id"], image_numbers(self.earlier))
        points = np.concatenate((old, self._points(links)))
        both = np.concatenate((before, new))
        both = both[np.argsort(both["source_id"], kind="stable")]
        after = summarise(points, both, self.rules.judgement)
        self._mark_vanished(after, both, links)
        # Nothing speaks for it any more: it came from the image that this one replaces.
        baseless = after["n_points"] == 0
        gone = distinct(np.concatenate((gone, after["source_id"][baseless])))
        changed = (after != both) | np.isin(after["source_id"], new["source_id"])
        written = after[changed & ~baseless & ~np.isin(after["source_id"], gone)]
        ended = written["source_id"][np.isin(written["source_id"], known["source_id"])]
        sources.close(self.connection, distinct(np.concatenate((gone, ended))), self.version)
        sources.write_states(self.connection, written, self.version)
        return _summary(both, after, new, links, gone)

    def _mark_vanished(self, after: Rows, before: Rows, links: Rows) -> None:
        seen = np.isin(after["source_id"], links["source_id"][links["kind"] != Kind.UNDETECTED])
        after["vanished"] = np.where(seen, False, before["vanished"])
        if self.image.radius_rad > 0:
            missed = np.isin(after["source_id"], links["source_id"][links["kind"] == Kind.UNDETECTED])
            away = has_vanished(after, coverage_of(self.image), self.rules.significance_sigma)
            after["vanished"] |= missed & away

    def _points(self, links: Rows) -> Rows:
        """The light-curve points that this image adds, without a detour over the database."""
        seen = links[links["kind"] != Kind.UNDETECTED]
        points = empty(POINT, len(seen))
        detections = self.found[seen["detection_id"] - next_id(self.connection, Detection)]
        for name in POINT.names or ():
            if name in (LINK.names or ()):
                points[name] = seen[name]
            elif name in (detections.dtype.names or ()):
                points[name] = detections[name]
            elif name != "image_id":
                points[name] = getattr(self.image, name)
        points["image_id"] = self.image_id
        return points

    # -- writing --------------------------------------------------------------------------------------

    def _write_found(self, new: Rows, parents: NDArray[np.int64], links: Rows, detection_id: int) -> None:
        identity = np.zeros(len(new), dtype=[("source_id", "i8"), ("name", "U48"), ("parent_id", "i8")])
        identity["source_id"], identity["parent_id"] = new["source_id"], parents
        first = links["kind"] == Kind.NEW
        identity["name"] = self.found["name"][links["detection_id"][first] - detection_id]
        insert_rows(self.connection, SkySource, identity, first_version=self.version)
        numbered = np.zeros(len(self.found), dtype=[("detection_id", "i8"), *self.found.dtype.descr])
        numbered["detection_id"] = detection_id + np.arange(len(self.found))
        for name in self.found.dtype.names or ():
            numbered[name] = self.found[name]
        insert_rows(self.connection, Detection, numbered, image_id=self.image_id)
        ordered = links[np.argsort(links["source_id"], kind="stable")]
        insert_rows(self.connection, Link, ordered, image_id=self.image_id)
        if len(self.found) > MANY:
            refresh_statistics(self.connection)

    def _write_image(self, n_detections: int) -> None:
        if self.image.obs_id:
            self._write_observation(self.image.obs_id)
        values = {name: getattr(self.image, name) for name in ImageInfo.__dataclass_fields__}
        values |= {"quality": dict(self.image.quality), "n_detections": n_detections}
        connection = self.connection
        connection.execute(
            insert(table_of(Image)).values(image_id=self.image_id, version=self.version, **values)
        )

    def _write_observation(self, obs_id: str) -> None:
        table = table_of(Observation)
        there = self.connection.execute(select(table.c.obs_id).where(table.c.obs_id == obs_id)).one_or_none()
        if there is None:
            self.connection.execute(insert(table).values(obs_id=obs_id, **self.batch.observation))


def _summary(before: Rows, after: Rows, new: Rows, links: Rows, gone: NDArray[np.int64]) -> dict[str, int]:
    is_new = np.isin(after["source_id"], new["source_id"])
    numbers = {
        "new": len(new),
        "appeared": int(new["appeared"].sum()),
        "corrected": int(((after != before) & ~is_new).sum()),
        "undetected": int((links["kind"] == Kind.UNDETECTED).sum()),
        "vanished": int((after["vanished"] & ~before["vanished"]).sum()),
        "returned": int((before["vanished"] & ~after["vanished"]).sum()),
        "variable": int((after["variable"] & ~before["variable"]).sum()),
        "ended": len(gone),
    }
    return {name: int(value) for name, value in numbers.items()}
