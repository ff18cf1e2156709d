"""Every page of the console. What is not here is not served; a test tries each as every role, and as nobody."""

from __future__ import annotations

from service.console.frame import Page
from service.console.pages import (
    accounts,
    acts,
    audit,
    home,
    inbox,
    keys,
    nothing,
    numbers,
    privacy,
    sessions,
    sign_in,
    staff,
    timeline,
    why,
)

PAGES: tuple[Page, ...] = (
    home.HOME,
    *accounts.PAGES,
    *inbox.PAGES,
    *numbers.PAGES,
    *privacy.PAGES,
    *timeline.PAGES,
    *acts.PAGES,
    *why.PAGES,
    *sign_in.PAGES,
    *sessions.PAGES,
    *staff.PAGES,
    *keys.PAGES,
    *audit.PAGES,
    nothing.NOTHING,
)
