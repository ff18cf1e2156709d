"""What a browser knows of a page."""

from __future__ import annotations

from sandbox.tour.forms import Page, read_page


def _page(html: str) -> Page:
    return read_page("http://127.0.0.1:8002/c/pay/cs_1?locale=en", html)


def test_addresses_are_absolute_and_default_to_the_page_itself() -> None:
    """A form posts to its action against the page's address, or to the page, as browsers do."""
    page = _page('<form action="/pay" method="POST"></form><form action="next"></form><form></form>')
    assert [(form.method, form.action) for form in page.forms] == [
        ("post", "http://127.0.0.1:8002/pay"),
        ("get", "http://127.0.0.1:8002/c/pay/next"),
        ("get", page.address),
    ]


def test_only_what_a_browser_sends_is_a_field() -> None:
    """Hidden values travel along; unchecked boxes, nameless, disabled and foreign controls do not."""
    page = _page(
        """<input name="outside" value="1">
        <form>
          <input type="hidden" name="token" value="a&amp;b"><input name="email"><input value="nameless">
          <input type="checkbox" name="terms" checked><input type="checkbox" name="news" value="1">
          <input type="radio" name="plan" value="monthly"><input type="radio" name="plan" value="annual" checked>
          <input name="gone" value="1" disabled><input type="reset" name="reset" value="1">
        </form>"""
    )
    assert page.forms[0].fields == {"token": "a&b", "email": "", "terms": "on", "plan": "annual"}


def test_a_select_sends_its_selected_or_first_option() -> None:
    """Without a choice a browser sends the first option."""
    page = _page(
        """<form><select name="reason"><option value="price">Too dear<option value="other">Other</select>
        <select name="when"><option value="now">Now<option value="later" selected>Later</select></form>"""
    )
    assert page.forms[0].fields == {"reason": "price", "when": "later"}


def test_a_textarea_sends_its_text() -> None:
    """A text area's value is what stands inside it, not an attribute."""
    assert _page('<form><textarea name="note">as it\nwas</textarea></form>').forms[0].fields == {"note": "as it\nwas"}


def test_buttons_are_known_by_their_text() -> None:
    """Both kinds of submit button count, with what each would send; a plain button submits nothing."""
    page = _page(
        """<form><button name="act" value="cancel">Cancel <b>plan</b></button><button type="button">Menu</button>
        <input type="submit" value="Go back"></form>"""
    )
    buttons = [(button.name, button.value, button.text) for button in page.forms[0].buttons]
    assert buttons == [("act", "cancel", "Cancel plan"), ("", "Go back", "Go back")]


def test_the_text_is_what_people_see() -> None:
    """Style and script are no text; white space is one space."""
    assert _page("<style>p {}</style><p>Your card\n was <em>declined</em></p><script>x</script>").text == (
        "Your card was declined"
    )
