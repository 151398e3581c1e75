"""Luigi's calls, closed to pages of strangers that a browser beside the scheduler happens to show."""

from __future__ import annotations

from luigi.server import RPCHandler
from tornado.web import HTTPError

FOREIGN = frozenset({"cross-site", "same-site"})


class OwnPagesHandler(RPCHandler):
    """Answers workers, which are no browsers, and the visualiser.

    There are no passwords, and Luigi takes a GET for a call: any page could pause the scheduler by an image of that
    address. Browsers say whether a request comes from another site (https://www.w3.org/TR/fetch-metadata/).
    """

    def prepare(self) -> None:
        """Refuse what comes from the page of another site, unless ``[cors]`` allows that."""
        if self.request.headers.get("Sec-Fetch-Site") in FOREIGN and not self._cors_config.enabled:
            raise HTTPError(403, reason="Calls from pages of other sites are refused")
