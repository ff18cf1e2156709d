"""From the wall to a subscription: sign in, be told the terms, pay at Stripe, and be back."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, abort, flash, make_response, render_template, request, session, url_for
from werkzeug.wrappers import Response

from newsstand_client import Checkout, Conflict, InvalidRequest, Newsstand, NewsstandError, NotFound
from sandbox.site import browsers
from sandbox.site.articles import Article
from sandbox.site.browsers import SignedIn
from sandbox.site.told import day, due_now, state_sentence

NO_NAME = "Please give a name of at most sixty characters, with a letter or a digit in it."


class Buying:
    """The pages around a checkout."""

    def __init__(self, articles: Mapping[str, Article], newsstand: Newsstand, site_url: str) -> None:
        self._articles = articles
        self._newsstand = newsstand
        self._site_url = site_url

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("buying", __name__)
        blueprint.add_url_rule("/sign-in", view_func=self.sign_in_page)
        blueprint.add_url_rule("/sign-in", view_func=self.sign_in, methods=["POST"])
        blueprint.add_url_rule("/sign-out", view_func=self.sign_out, methods=["POST"])
        blueprint.add_url_rule("/checkout", view_func=self.open_checkout, methods=["POST"])
        blueprint.add_url_rule("/checkout", view_func=self.terms)
        blueprint.add_url_rule("/welcome", view_func=self.welcome)
        return blueprint

    def sign_in_page(self) -> str:
        """Ask for a name, and remember what the reader was about to do."""
        return self._sign_in_page(None)

    def sign_in(self) -> Response:
        """Sign in and go on: to the checkout, to the article, or home."""
        reader = browsers.sign_in(request.form.get("name", ""))
        if reader is None:
            return make_response(self._sign_in_page(NO_NAME), 422)
        self._link(reader)
        if _word("plan"):
            return self._checkout(reader, _word("plan"))
        article_id = self._article_id()
        return browsers.see(
            url_for("reading.article", article_id=article_id) if article_id else url_for("reading.home")
        )

    def sign_out(self) -> Response:
        """Sign out."""
        browsers.sign_out()
        return browsers.see(url_for("reading.home"))

    def open_checkout(self) -> Response:
        """Open a checkout for the plan chosen on the wall; who is not known yet signs in first."""
        reader = browsers.reader()
        if reader is None:
            return browsers.see(url_for("buying.sign_in_page", plan=_word("plan"), article=self._article_id()))
        return self._checkout(reader, _word("plan"))

    def terms(self) -> str | Response:
        """Show what is due and when, before the reader is sent to pay."""
        told = session.get("checkout")
        if told is None or browsers.reader() is None:
            return browsers.see(url_for("reading.subscribe"))
        return render_template("checkout.html", told=told)

    def welcome(self) -> str | Response:
        """Show how the checkout ended; the service knows at once, whether or not Stripe's webhook came."""
        reader = browsers.reader()
        if reader is None:
            return browsers.see(url_for("buying.sign_in_page"))
        try:
            outcome = self._newsstand.checkout_outcome(request.args.get("checkout_id", "") or "none")
        except (NotFound, InvalidRequest):
            abort(404)
        if outcome.reader.reader_id != reader.reader_id:
            abort(404)
        if outcome.status == "complete":
            session.pop("checkout", None)
        article = self._articles.get(self._article_id())
        sentence = state_sentence(outcome.reader)
        return render_template("welcome.html", status=outcome.status, sentence=sentence, article=article)

    def _sign_in_page(self, message: str | None) -> str:
        return render_template("sign_in.html", plan=_word("plan"), article=self._article_id(), message=message)

    def _link(self, reader: SignedIn) -> None:
        """Unite what the browser and the reader have read. Every decision that names both does it too."""
        visitor_id = browsers.visitor_id()
        if visitor_id is not None:
            try:
                self._newsstand.link_visitor(reader.reader_id, visitor_id)
            except NewsstandError:
                return  # signing in never waits for the paywall

    def _checkout(self, reader: SignedIn, plan: str) -> Response:
        article_id = self._article_id()
        back = url_for("reading.article", article_id=article_id) if article_id else url_for("reading.subscribe")
        query = f"?{urlencode({'article': article_id})}" if article_id else ""
        try:
            checkout = self._newsstand.open_checkout(
                reader.reader_id,
                plan,
                email=reader.email,
                success_url=f"{self._site_url}{url_for('buying.welcome')}{query}",
                cancel_url=f"{self._site_url}{back}",
            )
        except InvalidRequest:
            abort(400)
        except Conflict as conflict:
            if conflict.code != "already_subscribed":
                raise
            flash("You have a subscription already; nothing was bought.")
            return browsers.see(url_for("account.show"))
        session["checkout"] = _told(checkout, back)
        return browsers.see(url_for("buying.terms"))

    def _article_id(self) -> str:
        """Return the article that the reader came from, or nothing; never an address to be sent to."""
        return _word("article") if _word("article") in self._articles else ""


def _told(checkout: Checkout, back: str) -> dict[str, str]:
    """Return the terms as texts, which the session can hold."""
    terms = checkout.disclosure
    return {
        "url": checkout.url,
        "back": back,
        "trial_days": str(checkout.trial.days) if checkout.trial.eligible else "",
        "had_trial": "yes" if checkout.trial.reason.startswith("trial_used") else "",
        "due_today": due_now(terms.due_today),
        "first_charge": terms.first_charge.display,
        "first_charge_on": day(terms.first_charge_at),
        "renewal": terms.renewal,
        "cancel": terms.cancel,
    }


def _word(name: str) -> str:
    return request.values.get(name, "")
