"""No parameter is taken and then ignored: each that an address knows is read by what answers there.

Every address is asked with all of its parameters (several times where some exclude each other), while the parsed forms
note which names are read from them. What may go unread are the `Only` fields: they take nothing but what is so anyway.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import stripe

from sandbox.standin import forms, routing
from sandbox.standin.shapes.reversals import EVIDENCE_TEXTS

NOON, DAY = 1_767_268_800, 86_400
PAGING = {"limit": "1"}
ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), "x")
SHIPPING = {"address": ADDRESS, "name": "Ada", "phone": "1", "carrier": "x", "tracking_number": "1"}
DETAILS = {"address": ADDRESS, "email": "a@example.com", "name": "Ada", "phone": "1", "tax_id": "1"}
PROFILE = {"headline": "News", "privacy_policy_url": "https://a.example", "terms_of_service_url": "https://b.example"}
PERSON: dict[str, Any] = {
    "address": ADDRESS, "balance": 5, "description": "x", "email": "a@example.com", "invoice_prefix": "ABC",
    "metadata": {"a": "b"}, "name": "Ada", "phone": "1", "preferred_locales": ["en"], "shipping": SHIPPING,
    "tax_exempt": "none",
}  # fmt: skip
PRODUCT: dict[str, Any] = {
    "active": "true", "description": "x", "images": ["https://a.example/b.png"], "marketing_features": [{"name": "x"}],
    "metadata": {"a": "b"}, "name": "Tote bag", "shippable": "true", "statement_descriptor": "x", "tax_code": "x",
    "unit_label": "x", "url": "https://a.example",
}  # fmt: skip
RECURRING = {"interval": "month", "interval_count": 1, "usage_type": "licensed", "trial_period_days": 3}
FEATURES: dict[str, Any] = {
    "customer_update": {"enabled": "false"},
    "invoice_history": {"enabled": "true"},
    "payment_method_update": {"enabled": "true"},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": "true", "options": ["unused"]},
        "enabled": "true", "mode": "immediately", "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": "now", "default_allowed_updates": ["price"], "enabled": "true",
        "products": [{"product": "{product}", "prices": ["{monthly}"]}],
        "proration_behavior": "none", "schedule_at_period_end": {"conditions": ""},
        "trial_update_behavior": "end_trial",
    },
}  # fmt: skip
TIMES = [{"created": NOON}, *({"created": {name: NOON}} for name in ("gt", "gte", "lt", "lte"))]
EVERYTHING: dict[str, list[dict[str, Any]]] = {
    "POST /v1/billing_portal/configurations": [
        {
            "business_profile": PROFILE,
            "default_return_url": "https://site.example",
            "login_page": {"enabled": "false"},
            "metadata": {"a": "b"},
            "name": "ours",
            "features": FEATURES,
        },
    ],
    "GET /v1/billing_portal/configurations": [{"active": "true", "is_default": "true"}],
    "POST /v1/billing_portal/configurations/{configuration}": [
        {"active": "true", "name": "x", "business_profile": PROFILE, "default_return_url": "https://a.example",
         "login_page": {"enabled": "false"}, "features": FEATURES, "metadata": {"a": "b"}},
    ],
    "POST /v1/billing_portal/sessions": [
        {"configuration": "{configuration}", "customer": "{customer}", "locale": "auto", "return_url": "https://a.example",
         "flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": "{subscription}"},
                       "after_completion": {"type": "redirect", "redirect": {"return_url": "https://b.example"}}}},
        {"customer": "{customer}", "configuration": "{configuration}",
         "flow_data": {"type": "subscription_update", "subscription_update": {"subscription": "{subscription}"}}},
        {"customer": "{customer}", "configuration": "{configuration}",
         "flow_data": {"type": "subscription_update_confirm", "subscription_update_confirm": {
             "subscription": "{subscription}", "items": [{"id": "{item}", "price": "{annual}", "quantity": 1}]}}},
    ],
    "GET /v1/charges": [{"customer": "{customer}", "created": NOON}, {"payment_intent": "{intent}"}],
    "GET /v1/invoiceitems": [{"customer": "{customer}", "invoice": "in_1", "pending": "true", "created": NOON}],
    "POST /v1/invoiceitems": [
        {"customer": "{customer}", "amount": 5, "currency": "usd", "invoice": "{draft}", "description": "x",
         "discountable": "false", "metadata": {"a": "b"}, "period": {"start": NOON, "end": NOON + DAY}},
        {"customer": "{customer}", "subscription": "{subscription}", "pricing": {"price": "{once}"}, "quantity": 2},
    ],
    "POST /v1/invoiceitems/{invoiceitem}": [
        {"amount": 6, "description": "x", "discountable": "false", "metadata": {"a": "b"},
         "period": {"start": NOON, "end": NOON}},
        {"pricing": {"price": "{once}"}, "quantity": 2},
    ],
    "GET /v1/invoices": [
        {"collection_method": "charge_automatically", "created": NOON, "customer": "{customer}", "status": "paid",
         "subscription": "{subscription}"},
    ],
    "POST /v1/invoices": [
        {"auto_advance": "true", "collection_method": "charge_automatically", "currency": "usd",
         "customer": "{customer}", "default_payment_method": "{card}", "description": "x", "metadata": {"a": "b"},
         "pending_invoice_items_behavior": "include", "subscription": "{subscription}"},
    ],
    "POST /v1/invoices/{draft}": [
        {"auto_advance": "true", "default_payment_method": "{card}", "description": "x", "metadata": {"a": "b"}},
    ],
    "POST /v1/invoices/{draft}/finalize": [{"auto_advance": "true"}],
    "POST /v1/invoices/{draft}/pay": [
        {"off_session": "true", "paid_out_of_band": "false", "payment_method": "{card}"}
    ],
    "POST /v1/invoices/create_preview": [
        {"customer": "{customer}", "discounts": [{"coupon": "{coupon}"}], "preview_mode": "next",
         "subscription_details": {"items": [{"price": "{monthly}", "quantity": 2}]}},
        {"subscription": "{subscription}", "discounts": [{"promotion_code": "{code}"}],
         "subscription_details": {"proration_behavior": "always_invoice", "proration_date": "{now}", "items": [
             {"id": "{item}", "price": "{annual}", "quantity": 2, "metadata": {"a": "b"}, "deleted": "false"}]}},
    ],
    "GET /v1/invoice_payments": [
        {"invoice": "in_1", "status": "paid", "created": NOON,
         "payment": {"type": "payment_intent", "payment_intent": "{intent}"}},
    ],
    "GET /v1/setup_intents": [{"customer": "{customer}", "created": NOON, "payment_method": "{card}"}],
    "POST /v1/setup_intents": [
        {"confirm": "true", "customer": "{customer}", "description": "x", "metadata": {"a": "b"},
         "payment_method": "{card}", "payment_method_types": ["card"], "usage": "off_session"},
    ],
    "POST /v1/setup_intents/{setup}/confirm": [{"payment_method": "{card}"}],
    "GET /v1/payment_intents": [{"customer": "{customer}", "created": NOON}],
    "POST /v1/payment_intents/{unpaid}/confirm": [
        {"off_session": "false", "payment_method": "pm_card_authenticationRequired",
         "setup_future_usage": "off_session"},
    ],
    "POST /v1/payment_methods": [
        {"type": "card", "metadata": {"a": "b"}, "billing_details": DETAILS,
         "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2031, "cvc": "123"}},
        {"type": "card", "card": {"token": "tok_visa"}},
    ],
    "POST /v1/payment_methods/{card}": [
        {"allow_redisplay": "always", "metadata": {"a": "b"}, "billing_details": DETAILS,
         "card": {"exp_month": 1, "exp_year": 2031}},
    ],
    "POST /v1/payment_methods/pm_card_visa/attach": [{"customer": "{customer}"}],
    "GET /v1/payment_methods": [{"customer": "{customer}", "type": "card", "allow_redisplay": "always"}],
    "GET /v1/customers/{customer}/payment_methods": [{"type": "card", "allow_redisplay": "always"}],
    "POST /v1/customers": [
        {**PERSON, "payment_method": "pm_card_visa", "test_clock": "{clock}", "invoice_settings": {
            "default_payment_method": "pm_card_visa", "footer": "x", "custom_fields": [{"name": "a", "value": "b"}]}},
    ],
    "GET /v1/customers": [{"created": NOON, "email": "a@example.com", "test_clock": "{clock}"}],
    "POST /v1/customers/{customer}": [
        {**PERSON, "default_source": "", "next_invoice_sequence": 7, "invoice_settings": {
            "default_payment_method": "{card}", "footer": "x", "custom_fields": [{"name": "a", "value": "b"}]}},
    ],
    "POST /v1/customers/{customer}/balance_transactions": [
        {"amount": 5, "currency": "usd", "description": "x", "metadata": {"a": "b"}},
    ],
    "GET /v1/customers/{customer}/balance_transactions": [{"created": NOON, "invoice": "in_1"}],
    "POST /v1/products": [
        {**PRODUCT, "id": "prod_bag", "type": "service", "default_price_data": {
            "currency": "usd", "unit_amount": 5, "metadata": {"a": "b"}, "tax_behavior": "inclusive",
            "recurring": RECURRING}},
    ],
    "GET /v1/products": [
        {"active": "true"}, {"ids": ["{product}"]}, {"url": "https://a.example"}, *TIMES,
    ],
    "POST /v1/products/{product}": [{**PRODUCT, "default_price": "{monthly}"}],
    "POST /v1/prices": [
        {"currency": "usd", "product": "{product}", "unit_amount": 5, "lookup_key": "new",
         "transfer_lookup_key": "true", "metadata": {"a": "b"}, "active": "true", "nickname": "x",
         "recurring": RECURRING, "tax_behavior": "inclusive"},
        {"currency": "usd", "unit_amount_decimal": "5", "billing_scheme": "per_unit",
         "product_data": {"name": "x", "metadata": {"a": "b"}, "active": "true"}},
    ],
    "GET /v1/prices": [
        {"active": "true", "created": NOON, "currency": "usd", "lookup_keys": ["monthly"], "product": "{product}",
         "recurring": {"interval": "month", "usage_type": "licensed"}, "type": "recurring"},
    ],
    "POST /v1/prices/{monthly}": [
        {"active": "true", "lookup_key": "m", "metadata": {"a": "b"}, "nickname": "x", "transfer_lookup_key": "true",
         "tax_behavior": "inclusive"},
    ],
    "POST /v1/coupons": [
        {"percent_off": 10, "duration": "repeating", "duration_in_months": 2, "id": "X", "max_redemptions": 3,
         "metadata": {"a": "b"}, "name": "x", "redeem_by": NOON},
        {"amount_off": 10, "currency": "usd"},
    ],
    "GET /v1/coupons": [{"created": NOON}],
    "POST /v1/coupons/{coupon}": [{"metadata": {"a": "b"}, "name": "x"}],
    "POST /v1/promotion_codes": [
        {"promotion": {"type": "coupon", "coupon": "{coupon}"}, "code": "Y", "active": "true", "customer": "{customer}",
         "expires_at": NOON, "max_redemptions": 3, "metadata": {"a": "b"}},
    ],
    "GET /v1/promotion_codes": [
        {"active": "true", "code": "Y", "coupon": "{coupon}", "created": NOON, "customer": "{customer}"},
    ],
    "POST /v1/promotion_codes/{code}": [{"active": "true", "metadata": {"a": "b"}}],
    "POST /v1/subscriptions": [
        {"customer": "{customer}", "currency": "usd", "default_payment_method": "{card}", "description": "x",
         "items": [{"price": "{monthly}", "quantity": 2, "metadata": {"a": "b"}}], "metadata": {"a": "b"},
         "discounts": [{"coupon": "{coupon}"}], "off_session": "true", "payment_behavior": "allow_incomplete",
         "payment_settings": {"save_default_payment_method": "off", "payment_method_types": ["card"]},
         "billing_mode": {"type": "flexible"}, "collection_method": "charge_automatically",
         "proration_behavior": "none", "billing_cycle_anchor": "{soon}", "cancel_at_period_end": "false"},
        {"customer": "{customer}", "items": [{"price": "{monthly}"}], "cancel_at": "min_period_end",
         "trial_end": "{later}", "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}},
        {"customer": "{customer}", "items": [{"price": "{monthly}"}], "trial_period_days": 3},
    ],
    "GET /v1/subscriptions": [
        {"collection_method": "charge_automatically", "created": NOON, "current_period_end": NOON,
         "current_period_start": NOON, "customer": "{customer}", "price": "{monthly}", "status": "active",
         "test_clock": "{clock}"},
        {"status": "active"},
    ],
    "POST /v1/subscriptions/{subscription}": [
        {"billing_cycle_anchor": {"type": "now"}, "cancel_at_period_end": "true", "metadata": {"a": "b"},
         "cancellation_details": {"comment": "x", "feedback": "unused"}, "collection_method": "charge_automatically",
         "default_payment_method": "{card}", "description": "x", "discounts": [{"promotion_code": "{code}"}],
         "off_session": "true", "payment_behavior": "default_incomplete", "proration_behavior": "create_prorations",
         "payment_settings": {"save_default_payment_method": "off", "payment_method_types": ["card"]},
         "proration_date": "{now}",
         "pause_collection": {"behavior": "void", "resumes_at": "{later}"},
         "items": [{"id": "{item}", "quantity": 2, "price": "{annual}", "metadata": {"a": "b"}, "deleted": "false"}]},
        {"cancel_at": "{later}", "trial_end": "{later}",
         "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}},
        {"discounts": [{"discount": "{discount}"}, {"coupon": "{coupon}"}], "off_session": "true",
         "items": [{"id": "{item}", "quantity": 2}], "proration_behavior": "always_invoice"},
    ],
    "DELETE /v1/subscriptions/{subscription}": [
        {"cancellation_details": {"comment": "x", "feedback": "unused"}, "invoice_now": "true", "prorate": "true"},
    ],
    "POST /v1/subscriptions/{subscription}/pause": [
        {"bill_for": {"unused_time_from": {"type": "now"}, "outstanding_usage_through": {"type": "now"}},
         "invoicing_behavior": "invoice", "type": "subscription"},
    ],
    "POST /v1/subscriptions/{paused}/resume": [
        {"billing_cycle_anchor": {"type": "unchanged"}, "payment_behavior": "resume_on_payment_success",
         "proration_behavior": "always_invoice", "proration_date": "{now}"},
    ],
    "GET /v1/subscription_items": [{"subscription": "{subscription}"}],
    "POST /v1/subscription_items": [
        {"subscription": "{subscription}", "price": "{monthly}", "quantity": 2, "metadata": {"a": "b"},
         "payment_behavior": "allow_incomplete", "proration_behavior": "none", "proration_date": "{now}"},
    ],
    "POST /v1/subscription_items/{item}": [
        {"price": "{monthly}", "quantity": 2, "metadata": {"a": "b"}, "payment_behavior": "allow_incomplete",
         "proration_behavior": "none", "proration_date": "{now}", "off_session": "true"},
    ],
    "DELETE /v1/subscription_items/{second}": [
        {"payment_behavior": "allow_incomplete", "proration_behavior": "none", "proration_date": "{now}"},
    ],
    "POST /v1/checkout/sessions": [
        {"mode": "subscription", "line_items": [{"price": "{monthly}", "quantity": 2}], "customer": "{customer}",
         "success_url": "https://a.example", "cancel_url": "https://b.example", "client_reference_id": "x",
         "automatic_tax": {"enabled": "false"}, "billing_address_collection": "auto", "metadata": {"a": "b"},
         "custom_text": {"submit": {"message": "x"}}, "customer_update": {"name": "never"}, "expires_at": "{hour}",
         "discounts": [{"coupon": "{coupon}"}], "integration_identifier": "x", "locale": "auto",
         "origin_context": "web", "payment_method_collection": "always", "payment_method_types": ["card"],
         "phone_number_collection": {"enabled": "false"}, "submit_type": "subscribe",
         "tax_id_collection": {"enabled": "false"}, "ui_mode": "hosted_page",
         "subscription_data": {"billing_mode": {"type": "flexible"}, "description": "x", "metadata": {"a": "b"},
                               "trial_period_days": 3,
                               "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}}},
        {"mode": "subscription", "line_items": [{"price": "{monthly}"}], "success_url": "https://a.example",
         "customer_email": "a@example.com", "allow_promotion_codes": "true",
         "subscription_data": {"trial_end": "{later}"}},
    ],
    "GET /v1/checkout/sessions": [
        {"created": NOON, "customer": "{customer}", "customer_details": {"email": "a@example.com"},
         "payment_intent": "{intent}", "status": "open", "subscription": "{subscription}"},
    ],
    "POST /v1/checkout/sessions/{session}": [{"metadata": {"a": "b"}}],
    "GET /v1/disputes": [{"charge": "{charge}", "created": NOON, "payment_intent": "{intent}"}],
    "POST /v1/disputes/{dispute}": [
        {"evidence": dict.fromkeys(EVIDENCE_TEXTS, "x"), "metadata": {"a": "b"}, "submit": "true"},
    ],
    "GET /v1/radar/early_fraud_warnings": [{"charge": "{charge}", "created": NOON, "payment_intent": "{intent}"}],
    "POST /v1/refunds": [
        {"charge": "{charge}", "amount": 5, "metadata": {"a": "b"}, "reason": "duplicate"},
        {"payment_intent": "{intent}"},
    ],
    "GET /v1/refunds": [{"charge": "{charge}", "created": NOON, "payment_intent": "{intent}"}],
    "POST /v1/refunds/{refund}": [{"metadata": {"a": "b"}}],
    "GET /v1/events": [
        {"delivery_success": "true"}, {"type": "x"}, {"types": ["x"]}, *TIMES,
    ],
    "POST /v1/test_helpers/test_clocks": [{"frozen_time": NOON, "name": "x"}],
    "POST /v1/test_helpers/test_clocks/{clock}/advance": [{"frozen_time": NOON + DAY}],
    "POST /v1/webhook_endpoints": [
        {"url": "https://a.example", "enabled_events": ["x"], "api_version": "2026-10-28.endive", "description": "x",
         "metadata": {"a": "b"}},
    ],
    "POST /v1/webhook_endpoints/{endpoint}": [
        {"url": "https://a.example", "enabled_events": ["x"], "description": "x", "metadata": {"a": "b"},
         "disabled": "true"},
    ],
}  # fmt: skip
"""What each address is asked for; names in braces are made at need, for the same customer within a request."""


class Seen(dict[str, Any]):
    """Parsed parameters that note by which names they are read; handing them on as a whole reads them all."""

    def __init__(self, values: Mapping[str, Any], note: Callable[[str], None]) -> None:
        super().__init__(values)
        self._note = note

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self._note(name)
        return super().pop(name, *default)

    def __iter__(self) -> Iterator[str]:
        for name in list(super().keys()):
            self._note(name)
            yield name

    def keys(self) -> Any:
        return list(self)

    def items(self) -> Any:
        return [(name, super(Seen, self).__getitem__(name)) for name in self]


class Tracing:
    """Which parameters each address declares, and which were read where it answered.

    `settled` are groups in which nothing can be said but what is so anyway.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.declared: defaultdict[str, set[str]] = defaultdict(set)
        self.read: defaultdict[str, set[str]] = defaultdict(set)
        self.settled: defaultdict[str, set[str]] = defaultdict(set)
        self._route, self._match, self._parse = "", routing.match, forms.parse
        monkeypatch.setattr(routing, "match", self.match)
        monkeypatch.setattr(forms, "parse", self.parse)

    def match(self, method: str, path: str) -> Any:
        found = self._match(method, path)
        self._route = label(found[0]) if found else ""
        return found

    def ignored(self, route: str) -> set[str]:
        """Return what is neither read nor so anyway, but for the cursors that page through every list alike."""
        return self.declared[route] - self.read[route] - self.settled[route] - {"starting_after", "ending_before"}

    def parse(self, raw: Any, spec: forms.Spec, *, prefix: str = "", **how: Any) -> Any:
        route, inside = self._route, plain(prefix)
        names = [name for name, field in spec.items() if not isinstance(field, forms.Only)]
        self.declared[route] |= {path(inside, name) for name in names}
        if not names:
            self.settled[route].add(inside)
        values = self._parse(raw, spec, prefix=prefix, **how)
        return Seen(values, lambda name: self.read[route].add(path(inside, name)))


def label(route: routing.Route) -> str:
    return f"{route.method} {route.pattern.pattern.strip('^$')}"


def plain(prefix: str) -> str:
    """Return a path without the places in lists: `items[3][price]` and `items[0][price]` are one parameter."""
    return "".join(char for char in prefix if not char.isdigit()).replace("[]", "")


def path(inside: str, name: str) -> str:
    return f"{inside}[{name}]" if inside else name


class World(dict[str, Any]):
    """Things to ask for, made at need; those of one world belong to one customer."""

    def __init__(self, shop: Any) -> None:
        super().__init__(monthly=shop.monthly, annual=shop.annual)
        self._shop, self._api = shop, shop.client.v1

    def __missing__(self, name: str) -> Any:
        self[name] = getattr(self, f"_{name}")()
        return self[name]

    def __call__(self, value: Any) -> Any:
        """Return `value` with every name in braces replaced by what it stands for."""
        if isinstance(value, dict):
            return {name: self(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self(each) for each in value]
        return value.format_map(self) if isinstance(value, str) else value

    def _customer(self) -> str:
        return str(self._shop.customer(None, "pm_card_visa"))

    def _card(self) -> str:
        return str(self._api.customers.retrieve(self["customer"]).invoice_settings.default_payment_method)

    def _sold(self) -> Any:
        items: Any = [{"price": self["monthly"]}]
        discounts: Any = [{"coupon": self["coupon"]}]
        return self._api.subscriptions.create({"customer": self["customer"], "items": items, "discounts": discounts})

    def _subscription(self) -> str:
        return str(self["sold"].id)

    def _discount(self) -> str:
        return str(self["sold"].discounts[0])

    def _item(self) -> str:
        return str(self["sold"]["items"].data[0].id)

    def _second(self) -> str:
        return str(
            self._api.subscription_items.create({"subscription": self["subscription"], "price": self["monthly"]}).id
        )

    def _paused(self) -> str:
        return str(self._api.subscriptions.pause(self["subscription"]).id)

    def _now(self) -> int:
        return int(self["sold"].created)

    def _later(self) -> int:
        return int(self._api.customers.retrieve(self["customer"]).created) + 5 * DAY

    def _soon(self) -> int:
        return self._later() - 4 * DAY

    def _hour(self) -> int:
        return self._later() - 5 * DAY + 3_600

    def _intent(self) -> str:
        assert self["sold"]
        return str(self._api.payment_intents.list({"customer": self["customer"]}).data[0].id)

    def _charge(self) -> str:
        assert self["sold"]
        return str(self._api.charges.list({"customer": self["customer"]}).data[0].id)

    def _unpaid(self) -> str:
        items: Any = [{"price": self["monthly"]}]
        waits: Any = {"payment_behavior": "default_incomplete", "expand": ["latest_invoice.payments"]}
        made = self._api.subscriptions.create({"customer": self["customer"], "items": items, **waits})
        return str(made.latest_invoice.payments.data[0].payment.payment_intent)

    def _setup(self) -> str:
        return str(self._api.setup_intents.create({"customer": self["customer"]}).id)

    def _draft(self) -> str:
        return str(self._api.invoices.create({"customer": self["customer"]}).id)

    def _invoiceitem(self) -> str:
        pricing: Any = {"price": self["once"]}
        return str(self._api.invoice_items.create({"customer": self["customer"], "pricing": pricing}).id)

    def _product(self) -> str:
        return str(self._api.prices.retrieve(self["monthly"]).product)

    def _once(self) -> str:
        return str(self._api.prices.create({"product": self["product"], "currency": "usd", "unit_amount": 5}).id)

    def _coupon(self) -> str:
        return str(self._api.coupons.create({"percent_off": 10, "duration": "forever"}).id)

    def _code(self) -> str:
        return str(self._api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": self["coupon"]}}).id)

    def _clock(self) -> str:
        return str(self._shop.clock())

    def _endpoint(self) -> str:
        return str(self._api.webhook_endpoints.create({"url": "https://a.example", "enabled_events": ["x"]}).id)

    def _session(self) -> str:
        return str(self._shop.session(self["monthly"]).id)

    def _dispute(self) -> str:
        return str(self._shop.control("disputes", charge=self["charge"])["id"])

    def _refund(self) -> str:
        return str(self._api.refunds.create({"charge": self["charge"], "amount": 1}).id)

    def _configuration(self) -> str:
        on: Any = {"enabled": True}
        products: Any = [{"product": self["product"], "prices": [self["monthly"]]}]
        update: Any = {**on, "default_allowed_updates": ["price"], "products": products}
        features: Any = {"subscription_cancel": on, "subscription_update": update, "payment_method_update": on}
        return str(self._api.billing_portal.configurations.create({"features": features}).id)


def takes_parameters(route: routing.Route) -> bool:
    return set(route.spec) > set(routing.PAGE if route.is_listing else routing.EXPAND)


def test_every_parameter_that_is_taken_is_read(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked with everything that it knows, each address reads all of it; none is left out of the question."""
    tracing = Tracing(monkeypatch)
    asked = set()
    for address, forms_sent in EVERYTHING.items():
        method, _, where = address.partition(" ")
        for sent in forms_sent:
            world = World(shop)
            wanted = {**(PAGING if method == "GET" else {}), **world(sent)}
            target = world(where)
            found = routing.match(method, target)
            assert found is not None, address
            asked.add(label(found[0]))
            shop.client.raw_request(method.lower(), target, **wanted)
    known = {label(each): each for each in routing.ROUTES}
    assert {name for name, each in known.items() if takes_parameters(each)} - asked == set()
    ignored = {name: sorted(tracing.ignored(name)) for name in sorted(asked)}
    assert {name: names for name, names in ignored.items() if names} == {}


def test_what_is_read_is_noted() -> None:
    """By name, by taking it out, or by handing the whole on; asking whether it is there reads nothing."""
    noted: list[str] = []
    sent = Seen({"a": 1, "b": 2, "c": 3}, noted.append)
    assert "a" in sent
    assert noted == []
    assert (sent["a"], sent.pop("b"), {**sent}) == (1, 2, {"a": 1, "c": 3})
    assert noted[:2] == ["a", "b"]
    assert set(noted[2:]) == {"a", "c"}


@pytest.mark.parametrize(
    ("address", "form", "param"),
    [
        ("subscriptions", {"collection_method": "send_invoice"}, "collection_method"),
        ("subscriptions", {"add_invoice_items": [{"price": "x"}]}, "add_invoice_items"),
        ("checkout/sessions", {"automatic_tax": {"enabled": "true"}}, "automatic_tax[enabled]"),
        ("checkout/sessions", {"phone_number_collection": {"enabled": "true"}}, "phone_number_collection[enabled]"),
        ("checkout/sessions", {"payment_method_collection": "if_required"}, "payment_method_collection"),
        ("checkout/sessions", {"consent_collection": {"terms_of_service": "required"}}, "consent_collection"),
        ("checkout/sessions", {"customer_update": {"name": "auto"}}, "customer_update[name]"),
        ("billing_portal/configurations", {"login_page": {"enabled": "true"}}, "login_page[enabled]"),
        ("billing_portal/sessions", {"locale": "fr"}, "locale"),
        ("credit_notes", {"invoice": "in_1"}, None),
        ("subscription_schedules", {"customer": "cus_1"}, None),
    ],
)
def test_what_would_have_to_be_ignored_is_refused(
    lasting_shop: Any, address: str, form: dict[str, Any], param: str | None
) -> None:
    """By name: a value that is not so, a parameter that is not supported, an address that is not there."""
    needed: dict[str, Any] = {
        "subscriptions": {"customer": "cus_1", "items": [{"price": lasting_shop.monthly}]},
        "checkout/sessions": {"mode": "subscription", "success_url": "https://a.example", "line_items": [
            {"price": lasting_shop.monthly}]},
        "billing_portal/configurations": {"features": {"invoice_history": {"enabled": "true"}}},
        "billing_portal/sessions": {"customer": "cus_1"},
    }  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError) as refused:
        lasting_shop.client.raw_request("post", f"/v1/{address}", **needed.get(address, {}), **form)
    assert (refused.value.param, refused.value.http_status) == (param, 400 if param else 404)
