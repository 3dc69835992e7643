//! The voting page, in a real Chromium, opened through Envoy: what a person sees when a coin votes, is forged, is spent twice or is no coin.
//!
//! Whether a vote reached the API is read from the API's own counters, not from the page.

mod chromium;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::chromium::{Browser, key};
use crate::harness::http;
use crate::harness::metrics::sum;
use crate::harness::mint::read_coins;
use crate::harness::wait::wait_for;
use crate::harness::world::World;

/// The first and the second charity of the campaign.
const FIRST: &str = "clean-water";
const SECOND: &str = "open-books";

/// What the console shows for an answer that is a refusal. Chromium notes each as an error, whatever the page does with it.
const REFUSED_ANSWER: &str = "Failed to load resource: the server responded with a status of";

#[test]
fn a_coin_is_taken_and_votes_by_keyboard_and_the_tally_moves_by_itself() {
    let world = World::start();
    let page = open(&world);
    page.run("window.neverReloaded = true;", &[]);

    page.tab_to("take-coin");
    page.press(&[key::ENTER]);
    page.wait_for_text("#coin-message", "Your coin is ready");
    page.tab_to(&format!("choose-{FIRST}"));
    page.press(&[key::SPACE]);
    page.tab_to(&format!("weight-{FIRST}"));
    page.press(&["3"]);
    page.tab_to(&format!("choose-{SECOND}"));
    page.press(&[key::SPACE]);
    page.wait_for_text("#preview", "75.00%");
    page.tab_to("vote");
    page.press(&[key::ENTER]);

    let result = page.wait_for_text("#result", "Your vote is counted");
    assert!(result.contains("750,000") && result.contains("250,000"), "{result}");
    page.wait_for_text(&tally_of(FIRST, "percent"), "75.00%");
    page.wait_for_text(&tally_of(SECOND, "percent"), "25.00%");

    // Somebody else votes; nobody touches the page.
    let weights = json!({ "weights": { SECOND: 1 } });
    let voted = http::post_json(
        world.envoy.address,
        "/v1/votes",
        &[("authorization", &world.coin().header())],
        &weights,
    );
    assert_eq!(voted.status, 202, "{voted:?}");
    page.wait_for_text("#tally-votes", "2 votes");
    page.wait_for_text(&tally_of(FIRST, "percent"), "37.50%");
    page.wait_for_text(&tally_of(SECOND, "percent"), "62.50%");
    page.wait_for_text(&tally_of(FIRST, "money"), "$37,500");
    let bars = page.run(
        "return Array.from(document.querySelectorAll('meter'), (bar) => bar.value);",
        &[],
    );
    assert_eq!(bars, json!([37.5, 62.5, 0, 0, 0]));
    assert_eq!(page.run("return window.neverReloaded;", &[]), json!(true));
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn a_reload_takes_the_same_coin_and_the_coin_is_nowhere_else() {
    let world = World::start();
    let page = open(&world);
    let serial = take_a_coin(&page);
    let kept = page.run(
        "return [location.href, JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie].join(' ');",
        &[],
    );
    let kept = kept.as_str().expect("a text");
    assert!(!kept.contains(&serial) && !kept.contains("aGFzaGljb2lu"), "{kept}");
    page.reload();
    assert_eq!(take_a_coin(&page), serial);
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn a_coin_can_be_saved_as_the_file_that_it_was() {
    let world = World::start();
    let page = open(&world);
    let downloads = TempDir::new().unwrap();
    page.save_downloads_in(downloads.path());
    let coin = world.coin().txt;
    let file = CoinFile::new(&coin);
    page.choose_file("file", &file.path);
    page.wait_for_text("#coin-message", "Your coin is ready");
    page.click("save-coin");
    let saved = downloads.path().join("coin.txt");
    wait_for("the saved coin.txt", || match fs::read_to_string(&saved) {
        Ok(text) if text == coin => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn a_receipt_can_be_saved_and_is_the_one_that_is_published() {
    let world = World::start();
    let page = open(&world);
    let downloads = TempDir::new().unwrap();
    page.save_downloads_in(downloads.path());
    take_a_coin(&page);
    page.click("choose-all");
    page.click("vote");
    page.wait_for_text("#result", "Your vote is counted");
    let id = page.text("#result a");
    page.run("document.querySelector('#result button').click();", &[]);
    let receipt = http::get(world.api.address, &format!("/v1/votes/{id}/receipt"));
    let saved = downloads.path().join("receipt.txt");
    wait_for("the saved receipt.txt", || match fs::read(&saved) {
        Ok(bytes) if bytes == receipt.body => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn a_forged_coin_is_refused_clearly_before_the_api_sees_it() {
    let world = World::start();
    let page = open(&world);
    page.paste("paste", &with_one_character_of_the_signature_changed(&world.coin().txt));
    page.wait_for_text("#coin-message", "Your coin is ready");
    page.click("choose-all");
    page.click("vote");
    let result = page.wait_for_text("#result", "The signature does not verify");
    assert!(
        result.contains("was not signed by this campaign's key, or it was changed"),
        "{result}"
    );
    assert_eq!(votes_at_the_api(&world), 0);
    assert_eq!(page.text("#tally-votes"), "0 votes");
    assert_only_refusals(&page.console(), 403);
}

#[test]
fn the_same_vote_again_gets_the_same_answer_and_another_one_is_refused_by_name() {
    let world = World::start();
    let page = open(&world);
    let file = CoinFile::new(&world.coin().txt);
    page.choose_file("file", &file.path);
    page.wait_for_text("#coin-message", "Your coin is ready");
    page.click(&format!("choose-{FIRST}"));
    page.click("vote");
    let first = page.wait_for_text("#result", "Your vote is counted");

    page.run("document.getElementById('result').textContent = '';", &[]);
    page.click("vote");
    assert_eq!(page.wait_for_text("#result", "Your vote is counted"), first);
    assert_eq!(votes_at_the_api(&world), 2);

    page.click(&format!("choose-{SECOND}"));
    page.click("vote");
    let refusal = page.wait_for_text("#result", "The coin has been spent");
    let id = page.text("#result a");
    assert!(first.contains(&id), "{refusal} does not name the vote of {first}");
    page.wait_for_text("#tally-votes", "1 vote");
    assert_only_refusals(&page.console(), 409);
}

#[test]
fn a_coin_can_be_dropped_as_a_file() {
    let world = World::start();
    let page = open(&world);
    let coin = world.coin().txt;
    let file = CoinFile::new(&coin);
    page.drop_files(&[&file.path]);
    page.wait_for_text("#coin-message", "Your coin is ready");
    assert!(coin.contains(&page.text("#coin-serial")));
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn what_is_no_coin_is_told_and_not_sent() {
    let world = World::start();
    let page = open(&world);
    let coin = world.coin().txt;
    let calls = "return performance.getEntriesByType('resource').length;";
    let calls_before = page.run(calls, &[]);
    for (text, told) in [
        ("hello".to_owned(), "It does not begin with a coin’s drawing"),
        (
            coin.trim_start_matches('\n').to_owned(),
            "The empty line above the drawing is missing",
        ),
        (
            coin.replace("1 VOTE", "2 VOTE"),
            "The drawing of the coin is missing or changed",
        ),
        (
            coin.trim_end().to_owned(),
            "The line end after the last line is missing",
        ),
        (
            coin.replace("campaign: ", "Campaign: "),
            "The line “campaign: …” is missing",
        ),
        (
            coin.replace("expires: 2", "expires:  2"),
            "The line “expires: …” is missing",
        ),
        (
            coin.replace("2030-01-01T", "2030-02-30T"),
            "It expires on a date that does not exist",
        ),
        (
            coin.replace("\nvault:v2:", "\nvault:v02:"),
            "The last line is not a signature",
        ),
        (
            coin.replace("\nvault:", "\nnote: mine\nvault:"),
            "There are lines that no coin has",
        ),
        (coin.replace('\n', "\r\n"), "Its lines end in CR LF"),
        (coin.repeat(10), "The file is far too long"),
    ] {
        let file = CoinFile::new(&text);
        page.choose_file("file", &file.path);
        page.wait_for_text("#coin-message", told);
        assert!(page.text("#coin-message").starts_with("This is not a coin"));
    }
    let no_text = CoinFile::new([0xff; 600]);
    page.choose_file("file", &no_text.path);
    page.wait_for_text("#coin-message", "The file cannot be read as text");
    let one = CoinFile::new(&coin);
    let other = CoinFile::new(&world.coin().txt);
    page.drop_files(&[&one.path, &other.path]);
    page.wait_for_text("#coin-message", "A vote takes one coin");

    page.click("choose-all");
    page.click("vote");
    page.wait_for_text("#result", "A vote needs a coin");
    assert_eq!(page.run(calls, &[]), calls_before);
    assert_eq!(votes_at_the_api(&world), 0);
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn a_choice_that_is_none_is_told_and_not_sent() {
    let world = World::start();
    let page = open(&world);
    take_a_coin(&page);
    page.click("vote");
    page.wait_for_text("#result", "Choose at least one charity");
    page.click(&format!("choose-{FIRST}"));
    for weight in ["0", "1.5", "1000001", "-"] {
        page.tab_to(&format!("weight-{FIRST}"));
        page.write(weight);
        page.wait_for_text(
            "#preview",
            "The weight of Clean Water must be a whole number from 1 to 1,000,000",
        );
        page.click("vote");
        page.wait_for_text("#result", "The weight of Clean Water must be a whole number");
        // Back to the top, so that tabbing forward finds the field again and selects what is in it.
        page.click("choose-none");
        page.click(&format!("choose-{FIRST}"));
    }
    assert_eq!(votes_at_the_api(&world), 0);
    assert_eq!(page.console(), [""; 0]);
}

#[test]
fn a_coin_that_cannot_count_is_foretold_and_refused() {
    let world = World::start();
    let page = open(&world);
    let expired = world.coin().txt.replace("2030-01-01T", "2020-01-01T");
    let elsewhere = read_coins(&world.mint.mint_for("another-campaign", "elsewhere", 1))
        .remove(0)
        .txt;
    for (coin, foretold, refusal) in [
        (expired, "This coin has expired", "The coin has expired"),
        (
            elsewhere,
            "This coin is for another campaign",
            "The coin is for another campaign",
        ),
    ] {
        let file = CoinFile::new(&coin);
        page.choose_file("file", &file.path);
        page.wait_for_text("#coin-message", foretold);
        page.click("choose-all");
        page.click("vote");
        page.wait_for_text("#result", refusal);
        assert_only_refusals(&page.console(), 403);
        page.click("drop-coin");
    }
    assert_eq!(votes_at_the_api(&world), 0);
}

#[test]
fn a_lost_connection_is_shown() {
    let world = World::start();
    let page = open(&world);
    world.api.process().kill();
    page.wait_for_text("#tally-state", "Reconnecting");
}

#[test]
fn the_page_fits_a_phone_and_can_be_read_in_light_and_dark() {
    let world = World::start();
    let page = open(&world);
    page.devtools(
        "Emulation.setDeviceMetricsOverride",
        &json!({ "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": true }),
    );
    assert_fits(&page);
    take_a_coin(&page);
    page.click("choose-all");
    page.click("vote");
    page.wait_for_text("#result", "Your vote is counted");
    assert_fits(&page);

    set_colour_scheme(&page, "light");
    assert!(background_brightness(&page) > 0.8);
    assert_readable(&page);
    set_colour_scheme(&page, "dark");
    assert!(background_brightness(&page) < 0.1);
    assert_readable(&page);
    assert_eq!(page.console(), [""; 0]);
}

/// Opens the page through Envoy and waits until it has the charities and the tally.
fn open(world: &World) -> Browser {
    let page = Browser::open(&format!("http://{}/", world.envoy.address));
    page.wait_for_text("#campaign", "to give in");
    page.wait_for_text("#tally-state", "Live");
    page.wait_for_text("#tally-votes", "0 votes");
    page
}

/// Requests to vote that reached the API.
fn votes_at_the_api(world: &World) -> u64 {
    let labels = ["method=\"POST\"", "route=\"/v1/votes\""];
    sum(&world.api.metrics(), "hashicoin_api_requests_total", &labels)
}

/// Presses “Take a coin” and gives the serial that is shown.
fn take_a_coin(page: &Browser) -> String {
    page.click("take-coin");
    page.wait_for_text("#coin-message", "Your coin is ready");
    page.text("#coin-serial")
}

/// Where the tally shows a value of a charity.
fn tally_of(charity: &str, value: &str) -> String {
    format!("#tally-{charity} .{value}")
}

/// The same coin with a signature that is as well-formed and not the mint's.
fn with_one_character_of_the_signature_changed(coin_txt: &str) -> String {
    let at = coin_txt.rfind(':').expect("a signature") + 10;
    let changed = if coin_txt[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{changed}{}", &coin_txt[..at], &coin_txt[at + 1..])
}

/// A coin.txt in a directory of its own, removed with the value: not before the page has read it.
struct CoinFile {
    path: PathBuf,
    _directory: TempDir,
}

impl CoinFile {
    fn new(content: impl AsRef<[u8]>) -> CoinFile {
        let directory = tempfile::tempdir().expect("a directory for coin.txt");
        let path = directory.path().join("coin.txt");
        fs::write(&path, content).expect("coin.txt can be written");
        CoinFile {
            path,
            _directory: directory,
        }
    }
}

/// The console has the refused answer, once, and nothing else: no error of the script, no violation of the page's policy.
fn assert_only_refusals(console: &[String], status: u16) {
    let refusal = format!("{REFUSED_ANSWER} {status}");
    assert!(matches!(console, [entry] if entry.contains(&refusal)), "{console:?}");
}

/// Nothing to scroll sideways, and every control is big enough for a finger and has a name.
fn assert_fits(page: &Browser) {
    let controls = "a, button, input, textarea";
    let width = page.run(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth];",
        &[],
    );
    assert!(
        width[0].as_u64() <= width[1].as_u64(),
        "the page is wider than the screen: {width}"
    );
    let small = page.run(
        "return Array.from(document.querySelectorAll(arguments[0]))
           .filter((control) => control.checkVisibility() && control.getBoundingClientRect().height < 24)
           .map((control) => control.outerHTML);",
        &[json!(controls)],
    );
    assert_eq!(small, json!([]), "lower than 24 px");
    let names = page.accessible_names(controls);
    assert!(names.len() > 10, "the page has few controls: {names:?}");
    for (control, name) in names {
        assert!(!name.trim().is_empty(), "{control} has no name");
    }
}

fn set_colour_scheme(page: &Browser, scheme: &str) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }]);
    page.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
}

/// How bright the page's background is: relative luminance, 0 to 1 (WCAG 2.2).
fn background_brightness(page: &Browser) -> f64 {
    let script = format!("{CONTRAST} return luminance(background(document.body));");
    page.run(&script, &[]).as_f64().expect("a number")
}

/// Every text that is shown has at least the contrast that WCAG 2.2 asks at level AA: 4.5 to 1.
fn assert_readable(page: &Browser) {
    let script = format!("{CONTRAST} return contrasts();");
    let texts = page.run(&script, &[]);
    let texts = texts.as_array().expect("a list of texts");
    assert!(texts.len() > 40, "the page has few texts: {texts:?}");
    let faint: Vec<&Value> = texts
        .iter()
        .filter(|text| text["contrast"].as_f64() < Some(4.5))
        .collect();
    assert!(faint.is_empty(), "{faint:?}");
}

/// The contrast of each shown text with the first background behind it that is not transparent, by the formulas of WCAG 2.2.
const CONTRAST: &str = "
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const background = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((channels(colour)[3] ?? 1) > 0) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const luminance = (colour) => {
        const [red, green, blue] = channels(colour).slice(0, 3).map((channel) => channel / 255)
            .map((channel) => channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrasts = () => {
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            const text = texts.currentNode.data.trim();
            if (text && element instanceof HTMLElement && element.checkVisibility()) {
                const pair = [getComputedStyle(element).color, background(element)].map(luminance).sort((a, b) => b - a);
                found.push({ text, contrast: (pair[0] + 0.05) / (pair[1] + 0.05) });
            }
        }
        return found;
    };";
