"""The account page: the reader's state in one sentence, cancelling in one step, undoing it, Stripe's portal."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, url_for
from werkzeug.wrappers import Response

from newsstand_client import Newsstand, NotFound
from sandbox.site import browsers
from sandbox.site.today import today
from sandbox.site.told import cancelled, renews_first, state_sentence


class Account:
    """The pages of a signed-in reader."""

    def __init__(self, newsstand: Newsstand, site_url: str) -> None:
        self._newsstand = newsstand
        self._site_url = site_url

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("account", __name__, url_prefix="/account")
        blueprint.before_request(browsers.require_reader)
        blueprint.add_url_rule("", view_func=self.show)
        blueprint.add_url_rule("/cancel", view_func=self.cancel, methods=["POST"])
        blueprint.add_url_rule("/undo", view_func=self.undo, methods=["POST"])
        blueprint.add_url_rule("/portal", view_func=self.portal, methods=["POST"])
        return blueprint

    def show(self) -> str:
        """Show the reader's state."""
        state = self._newsstand.reader(browsers.signed_in().reader_id)
        may_cancel = state.status in ("trialing", "active", "grace") or renews_first(state)
        return render_template("account.html", state=state, sentence=state_sentence(state), may_cancel=may_cancel)

    def cancel(self) -> Response:
        """Cancel at the end of what is paid, or at once if nothing is: one step, no questions."""
        try:
            told = self._newsstand.cancel(browsers.signed_in().reader_id)
            flash(cancelled(told, today()))
        except NotFound:
            flash("There is no running subscription, so nothing was cancelled.")
        return browsers.see(url_for("account.show"))

    def undo(self) -> Response:
        """Let the subscription run on."""
        try:
            self._newsstand.undo_cancellation(browsers.signed_in().reader_id)
            flash("Your subscription runs on as before.")
        except NotFound:
            flash("There was no cancellation to undo.")
        return browsers.see(url_for("account.show"))

    def portal(self) -> Response:
        """Send the reader to Stripe's portal, for invoices and cards."""
        back = f"{self._site_url}{url_for('account.show')}"
        try:
            return browsers.see(self._newsstand.open_portal(browsers.signed_in().reader_id, back))
        except NotFound:
            flash("There are no payments yet, so there is nothing to manage.")
            return browsers.see(url_for("account.show"))
