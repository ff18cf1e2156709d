"""Who may put an event in: the whole matrix of signatures, ages and bodies, signed as Stripe signs them."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from webhooks.events import Refusal, StripeEvent
from webhooks.signature import Verifier

OLD, NEW, FOREIGN = "whsec_the_old_one", "whsec_the_new_one", "whsec_of_someone_else"
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
EVENT = {
    "id": "evt_1", "object": "event", "type": "invoice.paid", "livemode": False, "created": AT, "account": None,
    "api_version": "2026-10-28.endive", "data": {"object": {"object": "invoice", "id": "in_1", "customer": "cus_1"}},
}  # fmt: skip
THIN = {
    "id": "evt_2", "object": "v2.core.event", "type": "v1.customer.updated", "livemode": False, "context": None,
    "created": "2026-11-02T12:00:00Z",
    "related_object": {"id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1"},
}  # fmt: skip
GOOD = json.dumps(EVENT).encode()


def digest(body: bytes, secret: str = NEW, at: object = AT, by: str = "sha256") -> str:
    """Return what Stripe puts after `v1=`."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, by).hexdigest()


def header(body: bytes = GOOD, secret: str = NEW, at: object = AT) -> str:
    return f"t={at},v1={digest(body, secret, at)}"


@dataclass(frozen=True)
class Case:
    name: str
    body: bytes
    header: str | None
    verdict: str
    """`ok`, or the refusal's reason."""


def changed(**fields: object) -> bytes:
    return json.dumps(EVENT | fields).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in EVENT.items() if key != name}).encode()


def signed(name: str, body: bytes, verdict: str) -> Case:
    return Case(name, body, header(body), verdict)


HEADERS = [
    Case("signed with the new secret", GOOD, header(), "ok"),
    Case("signed with the old secret", GOOD, header(secret=OLD), "ok"),
    Case("two v1, the first of a foreign secret", GOOD, f"t={AT},v1={digest(GOOD, FOREIGN)},v1={digest(GOOD)}", "ok"),
    Case("two v1, the second of a foreign secret", GOOD, f"t={AT},v1={digest(GOOD)},v1={digest(GOOD, FOREIGN)}", "ok"),
    Case("two v1, one per secret", GOOD, f"t={AT},v1={digest(GOOD, OLD)},v1={digest(GOOD, NEW)}", "ok"),
    Case("v0 beside v1", GOOD, f"{header()},v0={digest(GOOD)}", "ok"),
    Case("an unknown scheme beside v1", GOOD, f"{header()},v9=abc", "ok"),
    Case("v1 before t", GOOD, f"v1={digest(GOOD)},t={AT}", "ok"),
    Case("a stray comma", GOOD, f"{header()},", "ok"),
    Case("a word without a value", GOOD, f"{header()},hello", "ok"),
    Case("a foreign secret", GOOD, header(secret=FOREIGN), "signature_mismatch"),
    Case("two foreign secrets", GOOD, f"t={AT},v1={digest(GOOD, FOREIGN)},v1={'0' * 64}", "signature_mismatch"),
    Case("the secret without its prefix", GOOD, header(secret="the_new_one"), "signature_mismatch"),
    Case("an empty secret", GOOD, header(secret=""), "signature_mismatch"),
    Case("v0 only", GOOD, f"t={AT},v0={digest(GOOD)}", "signature_mismatch"),
    Case("no signature", GOOD, f"t={AT}", "signature_mismatch"),
    Case("an empty signature", GOOD, f"t={AT},v1=", "signature_mismatch"),
    Case("a signature cut short", GOOD, header()[:-1], "signature_mismatch"),
    Case("a signature one digit longer", GOOD, header() + "0", "signature_mismatch"),
    Case("an upper-case signature", GOOD, f"t={AT},v1={digest(GOOD).upper()}", "signature_mismatch"),
    Case("a scheme in upper case", GOOD, f"t={AT},V1={digest(GOOD)}", "signature_mismatch"),
    Case("a space before the scheme", GOOD, f"t={AT}, v1={digest(GOOD)}", "signature_mismatch"),
    Case("a signature of the body alone", GOOD, f"t={AT},v1={hmac.new(NEW.encode(), GOOD, 'sha256').hexdigest()}",
         "signature_mismatch"),
    Case("another timestamp than was signed", GOOD, f"t={AT + 1},v1={digest(GOOD)}", "signature_mismatch"),
    Case("a signature by SHA-1", GOOD, f"t={AT},v1={digest(GOOD, by='sha1')}", "signature_mismatch"),
    Case("a body changed by a byte", GOOD.replace(b"cus_1", b"cus_2"), header(), "signature_mismatch"),
    Case("a body with a line end added", GOOD + b"\n", header(), "signature_mismatch"),
    Case("a body re-serialised", json.dumps(EVENT, indent=1).encode(), header(), "signature_mismatch"),
    Case("an empty body under another's signature", b"", header(), "signature_mismatch"),
    Case("a body not UTF-8, forged", b"\xff\xfe", f"t={AT},v1={'0' * 64}", "signature_mismatch"),
    Case("no header", GOOD, None, "header_missing"),
    Case("an empty header", GOOD, "", "header_missing"),
    Case("a blank header", GOOD, "   ", "header_malformed"),
    Case("a header of commas", GOOD, ",,,", "header_malformed"),
    Case("no timestamp", GOOD, f"v1={digest(GOOD)}", "header_malformed"),
    Case("an empty timestamp", GOOD, f"t=,v1={digest(GOOD, at='')}", "header_malformed"),
    Case("a timestamp that is a word", GOOD, f"t=now,v1={digest(GOOD, at='now')}", "header_malformed"),
    Case("a negative timestamp", GOOD, f"t=-5,v1={digest(GOOD, at=-5)}", "header_malformed"),
    Case("a fractional timestamp", GOOD, f"t={AT}.5,v1={digest(GOOD, at=f'{AT}.5')}", "header_malformed"),
    Case("a timestamp with underscores", GOOD, f"t=1_793_620_800,v1={digest(GOOD, at=1793620800)}", "header_malformed"),
    Case("a timestamp of 5,000 digits", GOOD, f"t={'9' * 5000},v1={digest(GOOD)}", "header_malformed"),
    Case("two timestamps", GOOD, f"t={AT},t={AT},v1={digest(GOOD)}", "header_malformed"),
    Case("digits of another script", GOOD, f"t=١٢٣,v1={digest(GOOD, at=123)}", "header_malformed"),
    Case("a signature not ASCII", GOOD, f"t={AT},v1=é{digest(GOOD)}", "header_malformed"),
    Case("a good signature beside one not ASCII", GOOD, f"{header()},v1=ÿ", "header_malformed"),
]  # fmt: skip

AGES = [
    Case("299 s old", GOOD, header(at=AT - 299), "ok"),
    Case("300 s old", GOOD, header(at=AT - 300), "ok"),
    Case("301 s old", GOOD, header(at=AT - 301), "timestamp_too_old"),
    Case("ten years old", GOOD, header(at=AT - 315_360_000), "timestamp_too_old"),
    Case("from 1970", GOOD, header(at=0), "timestamp_too_old"),
    Case("299 s ahead", GOOD, header(at=AT + 299), "ok"),
    Case("300 s ahead", GOOD, header(at=AT + 300), "ok"),
    Case("301 s ahead", GOOD, header(at=AT + 301), "timestamp_in_future"),
    Case("ten years ahead", GOOD, header(at=AT + 315_360_000), "timestamp_in_future"),
    Case("in the year 33658", GOOD, header(at=999_999_999_999), "timestamp_in_future"),
    Case("old and forged", GOOD, header(secret=FOREIGN, at=AT - 301), "signature_mismatch"),
]

BODIES = [
    signed("a thin event", json.dumps(THIN).encode(), "ok"),
    signed("a thin event about nothing", json.dumps(THIN | {"related_object": None}).encode(), "ok"),
    signed("letters beyond ASCII", changed(note="café 🗞"), "ok"),
    signed("letters beyond ASCII, raw", json.dumps(EVENT | {"note": "café"}, ensure_ascii=False).encode(), "ok"),
    signed("fields unknown to us", changed(tomorrow={"new": [1, 2]}), "ok"),
    signed("a type unknown to us", changed(type="invoice.teleported"), "ok"),
    signed("no instant", without("created"), "ok"),
    signed("an instant beyond time", changed(created=10**30), "ok"),
    signed("an instant that is true", changed(created=True), "ok"),
    signed("a thin event at a bad instant", json.dumps(THIN | {"created": "yesterday"}).encode(), "ok"),
    signed("a thin event before time", json.dumps(THIN | {"created": "0001-01-01T00:00:00+23:59"}).encode(), "ok"),
    signed("an empty body", b"", "not_json"),
    signed("not JSON", b"<xml/>", "not_json"),
    signed("JSON cut short", GOOD[:-1], "not_json"),
    signed("JSON twice", GOOD + GOOD, "not_json"),
    signed("form fields", b"id=evt_1&type=invoice.paid", "not_json"),
    signed("nested 100,000 deep", b"[" * 100_000, "not_json"),
    signed("an object nested 100,000 deep", b'{"a":' * 100_000, "not_json"),
    signed("a number of 5,000 digits", b"9" * 5000, "not_json"),
    signed("a byte-order mark", b"\xef\xbb\xbf" + GOOD, "not_json"),
    signed("an array", b"[]", "not_an_event"),
    signed("an array holding an event", b"[" + GOOD + b"]", "not_an_event"),
    signed("null", b"null", "not_an_event"),
    signed("a number", b"7", "not_an_event"),
    signed("NaN", b"NaN", "not_an_event"),
    signed("a string", b'"event"', "not_an_event"),
    signed("true", b"true", "not_an_event"),
    signed("an empty object", b"{}", "not_an_event"),
    signed("another object", json.dumps({"object": "charge", "id": "ch_1"}).encode(), "not_an_event"),
    signed("an object kind that is a list", changed(object=["event"]), "not_an_event"),
    signed("a cloud provider's envelope", json.dumps({"detail": EVENT}).encode(), "not_an_event"),
    signed("no id", without("id"), "no_id"),
    signed("an id that is a number", changed(id=5), "no_id"),
    signed("an empty id", changed(id=""), "no_id"),
    signed("an id with a NUL, which no text column holds", changed(id="evt_\0"), "no_id"),
    signed("an id with half a surrogate pair", GOOD.replace(b"evt_1", b"evt_\\ud800"), "no_id"),
    signed("an id of 256 characters", changed(id="e" * 256), "no_id"),
    signed("no type", without("type"), "no_type"),
    signed("a type that is null", changed(type=None), "no_type"),
    signed("no livemode", without("livemode"), "no_livemode"),
    signed("livemode as a word", changed(livemode="false"), "no_livemode"),
    signed("an account that is a number", changed(account=7), "no_account"),
    signed("a thin event with an empty context", json.dumps(THIN | {"context": ""}).encode(), "no_context"),
    signed("no data", without("data"), "no_object"),
    signed("data that is a list", changed(data=[]), "no_object"),
    signed("data without an object", changed(data={"previous_attributes": {}}), "no_object"),
    signed("data whose object is an id", changed(data={"object": "in_1"}), "no_object"),
]

CASES = [*HEADERS, *AGES, *BODIES]


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier([OLD, NEW])


def sdk_verdict(case: Case) -> str:
    """Return what the SDK says of the signature alone: `ok`, `refused`, or the name of an error it lets out."""
    verdicts = set()
    for secret in (OLD, NEW):
        try:
            stripe.WebhookSignature.verify_header(case.body, case.header, secret)
            verdicts.add("ok")
        except stripe.SignatureVerificationError:
            verdicts.add("refused")
        except Exception as error:
            verdicts.add(type(error).__name__)
    return "ok" if "ok" in verdicts else min(verdicts)


def test_the_matrix_is_whole() -> None:
    """The matrix has at least 60 different cases."""
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_delivery_gets_its_verdict(case: Case, verifier: Verifier) -> None:
    """Each case is taken in, or refused for its own reason and under its own code, and nothing is raised."""
    outcome = verifier.verify(case.body, case.header, NOW)
    if case.verdict == "ok":
        assert isinstance(outcome, StripeEvent)
        assert outcome.body == case.body
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.reason == case.verdict
        is_about_signature = case.verdict.startswith(("header", "signature", "timestamp"))
        assert outcome.code == ("invalid_signature" if is_about_signature else "invalid_event")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_sdk_never_refuses_what_is_taken_in(case: Case, verifier: Verifier) -> None:
    """We are nowhere laxer than Stripe's own library, and stricter only about ages, odd headers and bodies."""
    outcome, theirs = verifier.verify(case.body, case.header, NOW), sdk_verdict(case)
    if isinstance(outcome, StripeEvent):
        assert theirs == "ok"
    elif outcome.reason == "signature_mismatch":
        assert theirs != "ok"
    elif theirs == "ok":
        assert outcome.code == "invalid_event" or outcome.reason.startswith(("timestamp", "header_malformed"))


def test_the_sdks_own_signatures_are_taken_in(verifier: Verifier) -> None:
    """A header made by the library's generator verifies."""
    made = stripe.WebhookSignature.generate_signature_header(GOOD.decode(), NEW, timestamp=AT)
    assert isinstance(verifier.verify(GOOD, made, NOW), StripeEvent)


def test_what_crashes_the_sdk_is_refused(verifier: Verifier) -> None:
    """The traps are real: the library lets these errors out, where we answer with a refusal."""
    crashing = {case.name: sdk_verdict(case) for case in CASES}
    assert crashing["a signature not ASCII"] == "TypeError"
    assert crashing["a body not UTF-8, forged"] == "UnicodeDecodeError"


def test_the_age_is_measured_by_the_time_passed_in(verifier: Verifier) -> None:
    """The same delivery is fresh, stale or premature by the caller's clock alone, to a fraction of a second."""
    beyond = timedelta(seconds=300, milliseconds=1)
    assert isinstance(verifier.verify(GOOD, header(), NOW + timedelta(seconds=300)), StripeEvent)
    assert isinstance(verifier.verify(GOOD, header(), NOW + beyond), Refusal)
    assert isinstance(verifier.verify(GOOD, header(), NOW - beyond), Refusal)


def test_the_tolerance_can_be_narrowed() -> None:
    """A tolerance of one second refuses what is two seconds old."""
    narrow = Verifier([NEW], tolerance_seconds=1)
    assert isinstance(narrow.verify(GOOD, header(at=AT - 1), NOW), StripeEvent)
    assert isinstance(narrow.verify(GOOD, header(at=AT - 2), NOW), Refusal)


@pytest.mark.parametrize(
    "secrets",
    [[], [""], [" "], ["whsec_"], ["whsec_ "], ["\u00a0"], ["\u200b"], ["whsec_\u200b"], ["\u3164"], ["\u2800"],
     ["\ufeff"], ["\t\n"], [NEW, ""], [NEW, "\u00a0"], ["whsec_two words"], ["whsec_é"], ["whsec_abc\n"]],
)  # fmt: skip
def test_secrets_blank_to_the_eye_are_refused_at_construction(secrets: list[str]) -> None:
    """No secret that cannot be seen, whole, ever guards the endpoint."""
    with pytest.raises(ValueError, match=r"^a webhook signing secret is missing, blank, or has invisible characters$"):
        Verifier(secrets)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_tolerance_of_nothing_is_refused(seconds: int) -> None:
    """In the SDK a tolerance of 0 turns the age check off; here it is no tolerance at all."""
    with pytest.raises(ValueError, match=r"^the tolerance must be above 0 seconds"):
        Verifier([NEW], tolerance_seconds=seconds)
