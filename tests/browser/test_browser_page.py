"""The HTML page in a real browser, without network: as a reviewer uses it, and as an attacker would like to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect
from support.plans import (
    HOSTILE,
    change,
    hazards,
    hostile_plan,
    hostile_report,
    large_plan,
    plan_of,
    small_plan,
    small_report,
    step,
)

from syncspec.planning.plan import Action
from syncspec.render.html import plan_html, report_html

Opening = Callable[..., Any]


def test_the_list_shows_every_change_that_needs_an_eye_first(open_page: Opening) -> None:
    opened = open_page(plan_html(small_plan()))
    opened.expect_count("9 shown. 1 unchanged record not listed.")
    assert opened.addresses()[:2] == ["contacts.rabban", "contacts.feyd"]
    row = opened.page.locator("#rows .update")
    assert row.locator(".reason").text_content() == "the manifest changed Phone and Title"
    assert row.locator("tr").nth(1).locator("td").all_text_contents() == ['"+1 555 0100"', '"+1 555 0199"']
    assert row.locator("tr").nth(1).locator("mark").all_text_contents() == ["00", "99"]


def test_search_looks_at_addresses_ids_fields_values_and_reasons(open_page: Opening) -> None:
    opened = open_page(plan_html(small_plan()))
    found = {
        "RABBAN": ["contacts.rabban"],
        "003p": ["contacts.paul"],
        "ssn__c": ["accounts.atreides"],
        "smuggler": ["contacts.gurney"],
        "answered 504": ["contacts.yueh"],
        "phone manifest": ["contacts.paul"],
        "salesforce:account": ["accounts.atreides"],
        "no such thing": [],
    }
    for text, addresses in found.items():
        opened.page.fill("#search", text)
        opened.expect(*addresses)
        opened.expect_count(f"{len(addresses)} of 9 shown")


def test_filters_add_up_and_are_reset_together(open_page: Opening) -> None:
    opened = open_page(plan_html(small_plan()))
    page = opened.page
    page.select_option("#kind", "blocked")
    opened.expect("contacts.feyd", "contacts.piter")
    page.fill("#search", "merge")
    opened.expect_count("1 of 9")
    opened.expect("contacts.piter")
    page.click("button[type=reset]")
    opened.expect_count("9 shown")
    assert page.input_value("#search") == ""
    page.select_option("#set", "accounts")
    opened.expect("accounts.atreides")
    page.select_option("#set", "")
    page.select_option("#place", "salesforce:contact in crm")
    assert len(opened.addresses()) == 8


def test_a_number_of_the_summary_filters_the_list(open_page: Opening) -> None:
    opened = open_page(plan_html(small_plan()))
    opened.page.get_by_role("button", name="2 blocked, contacts: show them").click()
    opened.expect("contacts.feyd", "contacts.piter")
    assert opened.page.input_value("#kind") == "blocked"
    assert opened.page.input_value("#set") == "contacts"


def test_everything_can_be_reached_and_done_with_the_keyboard(open_page: Opening) -> None:
    opened = open_page(plan_html(large_plan()))
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to all changes"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#changes"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("leads.r0777")
    opened.expect_count("1 of 5,000")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "kind"
    page.keyboard.type("delete")
    opened.expect_count("0 of 5,000")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    opened.expect_count("5,000 shown")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id") != "more":
        page.keyboard.press("Tab")
    before = len(opened.addresses())
    page.keyboard.press("Enter")
    assert len(opened.addresses()) > before
    assert page.evaluate("document.activeElement.matches('#rows > li')")


def test_a_screen_reader_gets_landmarks_labels_and_the_count(open_page: Opening) -> None:
    page = open_page(plan_html(small_plan())).page
    for role, name in [
        ("navigation", "Parts of this page"),
        ("region", "Summary"),
        ("region", "Needs an eye"),
        ("region", "All changes"),
        ("searchbox", "Search"),
        ("combobox", "Action"),
        ("combobox", "Set"),
        ("combobox", "Collection"),
        ("status", None),
        ("main", None),
        ("banner", None),
        ("contentinfo", None),
    ]:
        found = page.get_by_role(role, name=name, exact=True) if name else page.get_by_role(role)
        assert found.count() == 1, (role, name)
    assert page.locator("#count").get_attribute("aria-live") == "polite"
    assert page.get_by_role("columnheader", name="Declared").count() > 0


def contrast(page: Any, selector: str) -> float:
    """The contrast of the first such element's text with the page behind it, by the WCAG's formula."""
    return page.evaluate(
        """selector => {
          const luminance = (color) => {
            const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
              const share = part / 255;
              return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const element = document.querySelector(selector);
          let behind = element;
          while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
          const pair = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(luminance);
          return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        }""",
        selector,
    )


def test_light_and_dark_follow_the_reader_and_both_are_readable(open_page: Opening) -> None:
    behind = {}
    for scheme in ("light", "dark"):
        page = open_page(plan_html(small_plan()), color_scheme=scheme).page
        behind[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for selector in ("h1", ".muted", ".summary", "nav a", ".matrix button", ".reason", ".place", "#count"):
            assert contrast(page, selector) >= 4.5, (scheme, selector)
        for action in ("create", "adopt", "update", "delete", "move", "drift", "blocked", "unknown"):
            assert contrast(page, f"#rows .{action} .badge") >= 4.5, (scheme, action)
        for side in ("before", "after"):
            assert contrast(page, f"td.changed.{side} code") >= 4.5
            assert contrast(page, f"td.changed.{side} mark") >= 4.5
    assert behind == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


def test_a_narrow_window_scrolls_tables_and_not_the_page(open_page: Opening) -> None:
    page = open_page(plan_html(small_plan()), viewport={"width": 360, "height": 640}).page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_script_summary_and_what_needs_an_eye_are_there(open_page: Opening) -> None:
    page = open_page(plan_html(large_plan()), java_script_enabled=False).page
    assert page.locator(".summary").inner_text().startswith("Plan: 186 to create, 1 to adopt, 4,812 to update")
    assert page.locator("#eye .address").all_inner_texts() == ["contacts.rabban", "contacts.mapes", "leads.r0777"]
    assert page.locator("#filters").is_visible() is False
    assert "syncspec plan -e sandbox --full shows them" in page.locator("noscript").inner_text()


def test_many_fields_of_a_creation_open_on_demand(open_page: Opening) -> None:
    fields = tuple(step(f"Field{place}", after=f"value {place}") for place in range(12))
    page = open_page(plan_html(plan_of(change("set.a", Action.CREATE, fields=fields)))).page
    assert page.locator("#rows table").count() == 0
    rows = page.locator("#rows tbody tr")
    for _ in range(2):
        page.locator("#rows summary").press("Enter")
        expect(rows).to_have_count(12)
        expect(rows.first).to_be_visible()
        page.locator("#rows summary").press("Enter")
        expect(rows.first).to_be_hidden()


def test_a_report_is_searched_and_filtered_as_a_plan_is(open_page: Opening) -> None:
    opened = open_page(report_html(small_report(), project="arrakis", environment="sandbox"))
    opened.expect_count("7 shown. 1 unchanged record not listed.")
    opened.page.select_option("#kind", "rejected")
    opened.expect("contacts.r-rejected")
    assert "Invalid email" in opened.page.locator("#rows .reason").inner_text()
    assert opened.page.locator("#place-label").is_visible() is False


def test_ten_thousand_changes_stay_usable(open_page: Opening, record_property: Callable[[str, str], None]) -> None:
    html = plan_html(large_plan(9000, creates=998))
    opened = open_page(html)
    page = opened.page
    opened.expect_count("10,000 shown.")
    assert opened.addresses()[:3] == ["contacts.rabban", "contacts.mapes", "leads.r0777"]
    assert page.locator("#rows > li").count() <= 200
    page.fill("#search", "leads.r8765")
    opened.expect_count("1 of 10,000")
    opened.expect("leads.r8765")
    page.fill("#search", "")
    opened.expect_count("10,000 shown")
    page.select_option("#kind", "create")
    opened.expect_count("998 of 10,000")
    page.locator("#more").scroll_into_view_if_needed()
    expect(page.locator("#rows > li").nth(100)).to_be_attached()
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    shown = "not told" if paint is None else f"{paint:,.0f} ms (budget: 2,000 ms)"
    figure = f"10,000 changes, {len(html) / 1e6:.1f} MB: first paint after {shown}, ready after {loaded:,.0f} ms"
    record_property("figure", figure)


def test_nothing_that_a_value_holds_runs_or_becomes_an_element(open_page: Opening) -> None:
    opened = open_page(plan_html(hostile_plan("harmless", updates=0)))
    names = "Array.from(document.querySelectorAll('*'), (each) => each.localName).filter((name) => name !== 'mark')"
    expected = opened.page.evaluate(names)
    for text in filter(None, HOSTILE):
        opened.show(plan_html(hostile_plan(text, updates=0)))
        assert opened.page.evaluate(names) == expected, text
        assert opened.page.locator("#rows > li").count() == 9
        assert opened.complaints == [], text


def test_the_page_of_a_hostile_report_is_quiet(open_page: Opening) -> None:
    text = "".join(HOSTILE[:18])
    opened = open_page(report_html(hostile_report(text), project=text, environment=text))
    opened.expect_count("7 shown.")


def test_the_policy_stops_what_would_get_past_the_escaping(open_page: Opening) -> None:
    """The last line of defence, tried with a hole that is cut on purpose."""
    html = plan_html(plan_of(*hazards())).replace(
        "<main>", "<main><img src='https://evil.example/x.png'><script>document.title = 'owned'</script>"
    )
    opened = open_page(html)
    assert opened.page.title() == "syncspec plan: arrakis"
    assert opened.stopped == {"https://evil.example/x.png": "csp"}
    assert len(opened.complaints) == 2
    assert all("Content Security Policy" in each for each in opened.complaints)
    opened.complaints.clear()
