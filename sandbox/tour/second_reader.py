"""Ben: buys a year at once, is let in by the webhook alone, renews a year later, and cancels."""

from __future__ import annotations

from sandbox.tour.first_reader import offer
from sandbox.tour.looks import is_let_in, pays, renews
from sandbox.tour.steps import Chapter, observed
from sandbox.tour.telling import charged, disclosed, instant, state_told
from sandbox.tour.trip import Trip

YEAR = Chapter[Trip]("Ben buys a year")


@YEAR.step("Checkout of the annual plan", expects="no trial (plan_without_trial); {annual} due today", needs=[offer])
def annual_checkout(trip: Trip) -> str:
    checkout = trip.open_checkout(trip.annual_reader, "annual")
    return observed(
        disclosed(checkout),
        not checkout["trial"]["eligible"],
        checkout["trial"]["reason"] == "plan_without_trial",
        checkout["disclosure"]["due_today"]["amount"] == trip.prices["annual"],
    )


@YEAR.step("Stripe's page takes the card", expects="back to the site, with the checkout's id", needs=[annual_checkout])
def annual_paid(trip: Trip) -> str:
    return pays(trip, trip.annual_reader)


@YEAR.step(
    "Nobody asks for the outcome", expects="granted by the webhook alone, seconds after paying", needs=[annual_paid]
)
def access_by_webhook(trip: Trip) -> str:
    return is_let_in(trip, trip.annual_reader, "subscription")


@YEAR.step("The charge", expects="{annual} at once", needs=[access_by_webhook])
def annual_charge(trip: Trip) -> str:
    ben = trip.annual_reader
    ben.subscription_id = trip.state(ben)["subscription"]["id"]
    amounts = trip.account.charges(ben.subscription_id)
    return observed(charged(amounts), amounts == [trip.prices["annual"]])


@YEAR.step("A year passes: the renewal", expects="{annual} charged again, let in all the while", needs=[annual_charge])
def annual_renewal(trip: Trip) -> str:
    return renews(trip, trip.annual_reader, "annual", charges=2)


@YEAR.step("Ben cancels", expects="cancelling; a year of access left, no further charge", needs=[annual_renewal])
def annual_cancel(trip: Trip) -> str:
    # Also leaves the sandbox tidy: a subscription that goes on would be renewed by every later tour.
    ben = trip.annual_reader
    answer = trip.site.post(trip.cancellation_path(ben), {})
    state = trip.state(ben)
    ends_with_period = instant(answer["access_until"]) == trip.account.period_end(ben.subscription_id)
    return observed(f"{state_told(state)}; {answer['final']}", state["status"] == "cancelling", ends_with_period)
