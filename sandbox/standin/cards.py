"""Stripe's public test cards, and what each does when it is saved and when it is charged.

Numbers and behaviours: Stripe's testing documentation (docs.stripe.com/testing).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class TestCard:
    """One public test card."""

    number: str
    brand: str = "visa"
    behaviour: str = "pays"
    """`pays`; `declines` (also when saved); `declines_charges` (saves, then fails);
    `authenticates` (asks the cardholder once); `always_authenticates` (asks at every charge);
    `authenticates_on_session` (asks only while somebody is there, as if it had been saved for later)."""
    decline_code: str = "generic_decline"
    funding: str = "credit"
    aftermath: str | None = None
    """What follows a charge that succeeded: `dispute`, `dispute_not_received`, `inquiry`, `fraud_warning`,
    `refund_fails`, `refund_pends`."""

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """The same for the same number, as at Stripe."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]


_CARDS = (
    TestCard("4242424242424242"),
    TestCard("4000056655665556", funding="debit"),
    TestCard("5555555555554444", "mastercard"),
    TestCard("5105105105105100", "mastercard", funding="prepaid"),
    TestCard("5200828282828210", "mastercard", funding="debit"),
    TestCard("378282246310005", "amex"),
    TestCard("6011111111111117", "discover"),
    TestCard("3056930009020004", "diners"),
    TestCard("3566002020360505", "jcb"),
    TestCard("6200000000000005", "unionpay"),
    TestCard("4000000000000341", behaviour="declines_charges"),
    TestCard("4000000000000002", behaviour="declines"),
    TestCard("4000000000009995", behaviour="declines", decline_code="insufficient_funds"),
    TestCard("4000000000009987", behaviour="declines", decline_code="lost_card"),
    TestCard("4000000000009979", behaviour="declines", decline_code="stolen_card"),
    TestCard("4000000000006975", behaviour="declines", decline_code="card_velocity_exceeded"),
    TestCard("4000000000000119", behaviour="declines", decline_code="processing_error"),
    TestCard("4000000000000069", behaviour="declines", decline_code="expired_card"),
    TestCard("4000000000000127", behaviour="declines", decline_code="incorrect_cvc"),
    TestCard("4000002500003155", behaviour="authenticates"),
    TestCard("4000000000003220", behaviour="always_authenticates"),
    TestCard("4000002760003184", behaviour="always_authenticates"),
    TestCard("4000003800000446", behaviour="authenticates_on_session"),
    TestCard("4000000000000259", aftermath="dispute"),
    TestCard("4000000000002685", aftermath="dispute_not_received"),
    TestCard("4000000000001976", aftermath="inquiry"),
    TestCard("4000000000005423", aftermath="fraud_warning"),
    TestCard("4000000000005126", aftermath="refund_fails"),
    TestCard("4000000000007726", aftermath="refund_pends"),
)
_BY_NUMBER = {card.number: card for card in _CARDS}
_MORE = re.compile(r"424242[0-9]{10}")
_BY_TOKEN = {
    "card_visa": "4242424242424242",
    "card_visa_debit": "4000056655665556",
    "card_mastercard": "5555555555554444",
    "card_mastercard_prepaid": "5105105105105100",
    "card_mastercard_debit": "5200828282828210",
    "card_amex": "378282246310005",
    "card_discover": "6011111111111117",
    "card_diners": "3056930009020004",
    "card_jcb": "3566002020360505",
    "card_unionpay": "6200000000000005",
    "card_chargeCustomerFail": "4000000000000341",
    "card_visa_chargeDeclined": "4000000000000002",
    "card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "card_visa_chargeDeclinedLostCard": "4000000000009987",
    "card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "card_chargeDeclinedExpiredCard": "4000000000000069",
    "card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "card_chargeDeclinedProcessingError": "4000000000000119",
    "card_threeDSecure2Required": "4000000000003220",
    "card_authenticationRequiredOnSetup": "4000002500003155",
    "card_authenticationRequired": "4000002760003184",
    "card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "card_createDispute": "4000000000000259",
    "card_createDisputeProductNotReceived": "4000000000002685",
    "card_createDisputeInquiry": "4000000000001976",
    "card_createIssuerFraudRecord": "4000000000005423",
    "card_refundFail": "4000000000005126",
    "card_pendingRefund": "4000000000007726",
}


def by_number(number: str) -> TestCard | None:
    """Return the test card with this number, however it is spaced; None is no test card.

    Beside Stripe's own, every valid number that begins 4242 42 pays, each as another card: Stripe has few test cards,
    and a service may give one trial to each.
    """
    digits = re.sub(r"[\s-]", "", number)
    more = TestCard(digits) if _MORE.fullmatch(digits) and _is_valid(digits) else None
    return _BY_NUMBER.get(digits, more)


def _is_valid(digits: str) -> bool:
    """Check the last digit, by ISO/IEC 7812-1 (Luhn)."""
    doubled = (sum(divmod(2 * int(each), 10)) for each in digits[-2::-2])
    return (sum(doubled) + sum(int(each) for each in digits[-1::-2])) % 10 == 0


def by_token(token: str) -> TestCard | None:
    """Return the test card that `pm_card_…` or `tok_…` names."""
    name = token.removeprefix("pm_").removeprefix("tok_")
    number = _BY_TOKEN.get(name if name.startswith("card_") else f"card_{name}")
    return _BY_NUMBER[number] if number else None


DECLINE_MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def decline_error_code(decline_code: str) -> str:
    """Return the error `code` that goes with a decline code."""
    own = {"expired_card", "incorrect_cvc", "processing_error", "authentication_required"}
    return decline_code if decline_code in own else "card_declined"
