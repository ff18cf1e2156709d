"""Ada: reads free, meets the wall, takes the trial, pays, renews, cancels, changes her mind, and leaves."""

from __future__ import annotations

from datetime import timedelta

from sandbox.tour.api import Refusal, segment
from sandbox.tour.looks import AFTER_CHARGE, FREE, LOCKED, TEASER, is_let_in, pays, renews
from sandbox.tour.steps import Chapter, observed
from sandbox.tour.telling import charged, day, disclosed, dollars, instant, state_told, told
from sandbox.tour.trip import Trip

BEFORE_END = timedelta(hours=1)

OFFER = Chapter[Trip]("The offer")
TRIAL = Chapter[Trip]("Ada reads, meets the wall, and takes the trial")
MONTHS = Chapter[Trip]("Ada pays, renews, cancels, comes back, and leaves")


@OFFER.step("What the wall shows", expects="a monthly plan with a trial, an annual one without, the saving computed")
def offer(trip: Trip) -> str:
    answer = trip.site.get("/v1/plans")
    plans = {plan["id"]: plan for plan in answer["plans"]}
    monthly, annual = plans["monthly"], plans["annual"]
    trip.prices = {name: plan["price"]["amount"] for name, plan in plans.items()}
    trip.words |= {name: plan["price"]["display"] for name, plan in plans.items()}
    trip.words["trial_days"] = str(monthly["trial_days"])
    saving, year = annual["saving"], 12 * monthly["price"]["amount"]
    seen = (
        f"{monthly['label']}: {monthly['terms']}. {annual['label']} ({annual['badge']}): {annual['terms']}. "
        f"{saving['text']} (12 x {monthly['price']['display']} = {dollars(year)}). {answer['cancel_line']} "
        f"Free articles: {answer['meter']['visitor_limit']} a {answer['meter']['window']}."
    )
    return observed(
        seen,
        monthly["trial_days"] > 0,
        annual["trial_days"] == 0,
        saving["amount"] == year - annual["price"]["amount"],
        saving["display"] in saving["text"],
        answer["meter"]["visitor_limit"] == answer["meter"]["reader_limit"] == 1,
    )


@TRIAL.step("A teaser is prefetched", expects="granted, not counted", needs=[offer])
def teaser(trip: Trip) -> str:
    ada = trip.monthly_reader
    answer = trip.site.post("/v1/decisions", {"mode": "peek", "article": {"id": TEASER}})
    ada.visitor_id = answer["visitor_id"]  # the service made it: a browser that never came before
    return observed(told(answer), answer["granted"], not answer["counted"], answer["meter"]["used"] == 0)


@TRIAL.step(
    "The free article", expects="granted as metered, counted, and the first: peeking cost nothing", needs=[teaser]
)
def free_article(trip: Trip) -> str:
    answer = trip.decide(trip.monthly_reader, FREE, signed_in=False)
    return observed(told(answer), answer["reason"] == "metered", answer["counted"], answer["meter"]["used"] == 1)


@TRIAL.step("The same article again", expects="granted as already_read, not counted", needs=[free_article])
def reread(trip: Trip) -> str:
    answer = trip.decide(trip.monthly_reader, FREE, signed_in=False)
    return observed(told(answer), answer["granted"], answer["reason"] == "already_read", not answer["counted"])


@TRIAL.step("A second article", expects="refused as meter_exhausted; the wall sells both plans", needs=[free_article])
def wall(trip: Trip) -> str:
    answer = trip.decide(trip.monthly_reader, LOCKED, signed_in=False)
    return observed(
        told(answer),
        not answer["granted"],
        answer["reason"] == "meter_exhausted",
        answer["wall"]["kind"] == "subscribe",
        answer["wall"]["offers"] == ["monthly", "annual"],
    )


@TRIAL.step("Signing in", expects="no fresh allowance: still refused, the trial on offer", needs=[wall])
def sign_in(trip: Trip) -> str:
    ada = trip.monthly_reader
    trip.site.post(f"/v1/readers/{segment(ada.reader_id)}/visitors", {"visitor_id": ada.visitor_id})
    answer = trip.decide(ada, LOCKED)
    return observed(told(answer), answer["reason"] == "meter_exhausted", answer["wall"]["trial_eligible"])


@TRIAL.step(
    "Checkout of the trial",
    expects="told before paying: {trial_days} days free, nothing due today, then {monthly}",
    needs=[sign_in],
)
def trial_checkout(trip: Trip) -> str:
    checkout = trip.open_checkout(trip.monthly_reader, "monthly")
    terms = checkout["disclosure"]
    return observed(
        disclosed(checkout),
        checkout["trial"]["eligible"],
        str(checkout["trial"]["days"]) == trip.words["trial_days"],
        terms["due_today"]["amount"] == 0,
        terms["first_charge"]["amount"] == trip.prices["monthly"],
    )


@TRIAL.step("Stripe's page takes the card", expects="back to the site, with the checkout's id", needs=[trial_checkout])
def trial_paid(trip: Trip) -> str:
    return pays(trip, trip.monthly_reader)


@TRIAL.step(
    "The return page asks", expects="complete and trialing at once, whatever the webhook does", needs=[trial_paid]
)
def outcome(trip: Trip) -> str:
    ada = trip.monthly_reader
    answer = trip.site.get(f"/v1/checkouts/{segment(ada.checkout_id)}")
    reader = answer["reader"]
    ada.subscription_id = reader["subscription"]["id"]
    seen = f"{answer['status']}; {state_told(reader)}"
    return observed(seen, answer["status"] == "complete", reader["status"] == "trialing")


@TRIAL.step("The article behind the wall", expects="granted as trial, seconds after paying", needs=[outcome])
def access(trip: Trip) -> str:
    return is_let_in(trip, trip.monthly_reader, "trial")


@TRIAL.step("A second checkout", expects="409 already_subscribed: nobody pays twice", needs=[access])
def second_checkout(trip: Trip) -> str:
    try:
        trip.open_checkout(trip.monthly_reader, "annual")
    except Refusal as refusal:
        return observed(str(refusal), refusal.status == 409, refusal.code == "already_subscribed")
    return observed("a second checkout was opened", False)


@TRIAL.step(
    "Support looks Ada up by e-mail", expects="one account: monthly, trialing, nothing charged", needs=[outcome]
)
def support(trip: Trip) -> str:
    ada = trip.monthly_reader
    accounts = trip.support.get("/v1/support/accounts", q=ada.email)["data"]
    account = trip.support.get(f"/v1/support/accounts/{segment(ada.reader_id)}")
    amounts = [invoice["paid"]["amount"] for invoice in account["invoices"] if invoice["paid"]["amount"]]
    found = [f"{each['reader_id']} ({each['plan']}, {each['status']})" for each in accounts]
    seen = f"{', '.join(found) or 'nobody'}; charged: {charged(amounts)}"
    alone = [(each["reader_id"], each["plan"], each["status"]) for each in accounts]
    return observed(seen, alone == [(ada.reader_id, "monthly", "trialing")], amounts == [])


@MONTHS.step("{trial_days} days pass", expects="{monthly} charged, active, let in all the while", needs=[access])
def first_charge(trip: Trip) -> str:
    return renews(trip, trip.monthly_reader, "monthly", charges=1)


@MONTHS.step(
    "A month passes: the renewal", expects="{monthly} charged again, let in all the while", needs=[first_charge]
)
def renewal(trip: Trip) -> str:
    return renews(trip, trip.monthly_reader, "monthly", charges=2)


@MONTHS.step("Cancelling", expects="cancelling in one call; access to the end of what is paid", needs=[renewal])
def cancel(trip: Trip) -> str:
    ada = trip.monthly_reader
    answer = trip.site.post(trip.cancellation_path(ada), {"reason": "too_expensive"})
    state = trip.state(ada)
    seen = f"{state_told(state)}; {answer['final']}; can be undone until {day(instant(answer['undo_until']))}"
    ends_with_period = instant(answer["access_until"]) == trip.account.period_end(ada.subscription_id)
    return observed(seen, state["status"] == "cancelling", ends_with_period, not state["entitlement"]["renews"])


@MONTHS.step("Undoing it", expects="active, and renews", needs=[cancel])
def undo(trip: Trip) -> str:
    ada = trip.monthly_reader
    trip.site.delete(trip.cancellation_path(ada))
    state = trip.state(ada)
    return observed(state_told(state), state["status"] == "active", state["entitlement"]["renews"])


@MONTHS.step("Cancelling in Stripe's portal", expects="cancelling, known by webhook within seconds", needs=[undo])
def cancel_again(trip: Trip) -> str:
    ada = trip.monthly_reader
    trip.cancel_in_portal(ada)
    state = trip.eventually(lambda: trip.state(ada), lambda state: bool(state["status"] == "cancelling"))
    return observed(state_told(state), state["status"] == "cancelling", not state["entitlement"]["renews"])


@MONTHS.step("The last paid hour", expects="granted as subscription, to the end of the period", needs=[cancel_again])
def last_hour(trip: Trip) -> str:
    ada = trip.monthly_reader
    end = trip.account.period_end(ada.subscription_id)
    watch = trip.pass_time(end - BEFORE_END, ada, LOCKED)
    answer = trip.decide(ada, LOCKED)
    return observed(f"{told(answer)}; {watch}", answer["reason"] == "subscription", not watch.strange)


@MONTHS.step("The period is over", expects="ended; nothing charged beyond two months of {monthly}", needs=[last_hour])
def ended(trip: Trip) -> str:
    ada = trip.monthly_reader
    end = trip.account.period_end(ada.subscription_id)
    trip.account.advance(end + AFTER_CHARGE, meanwhile=lambda: None)
    state = trip.eventually(lambda: trip.state(ada), lambda state: bool(state["status"] == "ended"))
    amounts = trip.account.charges(ada.subscription_id)
    seen = f"{state_told(state)}; charged in all: {charged(amounts)}"
    return observed(seen, state["status"] == "ended", amounts == [trip.prices["monthly"]] * 2)


@MONTHS.step("The month's free article", expects="granted as metered, and counted: a new month began", needs=[ended])
def free_again(trip: Trip) -> str:
    ada = trip.monthly_reader
    # A web worker that has not yet heard of the new hour still sees a subscriber, and counts nothing.
    answer = trip.eventually(lambda: trip.decide(ada, FREE), lambda answer: bool(answer["reason"] != "subscription"))
    return observed(told(answer), answer["reason"] == "metered", answer["counted"])


@MONTHS.step("The wall again", expects="refused as meter_exhausted; no second trial on offer", needs=[free_again])
def wall_again(trip: Trip) -> str:
    ada = trip.monthly_reader
    answer = trip.eventually(lambda: trip.decide(ada, LOCKED), lambda answer: not answer["granted"])
    return observed(
        told(answer), answer["reason"] == "meter_exhausted", not (answer["wall"] or {}).get("trial_eligible", True)
    )


@MONTHS.step("Asking for a second trial", expects="told why not: trial_used_reader, {monthly} due today", needs=[ended])
def no_second_trial(trip: Trip) -> str:
    checkout = trip.open_checkout(trip.monthly_reader, "monthly")
    return observed(
        disclosed(checkout),
        not checkout["trial"]["eligible"],
        checkout["trial"]["reason"] == "trial_used_reader",
        checkout["disclosure"]["due_today"]["amount"] == trip.prices["monthly"],
    )
