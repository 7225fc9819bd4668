//! The page in a browser: it works, asks for nothing, and nothing in it runs that should not.

use crate::html::{hostile_pages, page};
use crate::made::strange;
use crate::program::{root, run_in};
use crate::webdriver::Browser;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

fn written(folder: &Path, page: &str) -> PathBuf {
    let path = folder.join("page.html");
    std::fs::write(&path, page).unwrap();
    path
}

/// Opens a page and holds that the console stays empty and that nothing but the page is asked for.
fn open(browser: &Browser, path: &Path) {
    browser.requests();
    browser.open(path);
    let requests: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with("file://") || !url.ends_with("/page.html"))
        .collect();
    assert_eq!(requests, [""; 0], "only the page itself is asked for");
    assert_eq!(browser.console(), [""; 0]);
}

/// Unfolds everything, twice for what is folded within, and waits until it is there.
fn unfold(browser: &Browser) {
    for _ in 0..2 {
        browser.run_async(
            "document.querySelectorAll('details').forEach(fold => fold.open = true); \
             setTimeout(arguments[arguments.length - 1], 200)",
        );
    }
    assert_eq!(browser.run("return document.querySelectorAll('noscript').length", &[]), 0);
}

#[test]
fn a_call_can_be_explored() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    open(&browser, &written(folder.path(), &page("zoom-beijing-keys.pcapng")));

    // Sorts by bytes received, both ways.
    let column = "return [...document.querySelectorAll('#s1 table.ends > tbody')].map(row => +row.rows[0].cells[7].dataset.v)";
    let received = || -> Vec<u64> { serde_json::from_value(browser.run(column, &[])).unwrap() };
    let before = received();
    browser.click("#s1 table.ends th:nth-child(8) button");
    assert!(received().is_sorted() && received() != before, "{:?}", received());
    browser.click("#s1 table.ends th:nth-child(8) button");
    assert!(received().iter().rev().is_sorted());
    assert_eq!(
        browser.run("return document.querySelector('#s1 table.ends th:nth-child(8)').ariaSort", &[]),
        "descending"
    );

    // Filters, and says how many are left.
    browser.type_into("#s1 .tools input", "deny china");
    let shown = browser.run("return [...document.querySelectorAll('#s1 table.ends > tbody > tr > th')].map(cell => cell.textContent)", &[]);
    assert_eq!(shown, json!(["52.81.151.250:443"]));
    let status =
        "return document.querySelector('#s1 table.ends').closest('.scroll').previousSibling.textContent";
    assert!(browser.run(status, &[]).as_str().unwrap().contains("1 of 9"), "{}", browser.run(status, &[]));

    // Unfolds to claims and packets.
    let visible = "return document.querySelector('#s1 table.ends .facts').checkVisibility()";
    assert_eq!(browser.run(visible, &[]), false);
    browser.click("#s1 table.ends > tbody summary");
    assert_eq!(browser.run(visible, &[]), true);
    let facts = browser.run("return document.querySelector('#s1 table.ends .facts').textContent", &[]);
    for expected in ["cn-north-1", "packet 142 of", "certificate"] {
        assert!(facts.as_str().unwrap().contains(expected), "{expected}: {facts}");
    }
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn a_timeline_zooms_with_mouse_and_keyboard() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    open(&browser, &written(folder.path(), &page("zoom-beijing-keys.pcapng")));
    let width = || {
        browser
            .run("return document.querySelector('.plot svg').getBoundingClientRect().width", &[])
            .as_f64()
            .unwrap()
    };
    let ticks = || -> Vec<String> {
        let script =
            "return [...document.querySelectorAll('.plot .ticks text')].map(text => text.textContent)";
        serde_json::from_value(browser.run(script, &[])).unwrap()
    };
    let (whole, plain) = (width(), ticks());
    browser.click(".timeline .tools button:nth-child(1)");
    assert!((width() - 2.0 * whole).abs() < 1.0);
    browser.type_into(".plot", "+++");
    assert!((width() - 16.0 * whole).abs() < 1.0, "{} {whole}", width());
    assert!(ticks() != plain && ticks().iter().all(|tick| tick.starts_with("14:02:")), "{:?}", ticks());
    browser.type_into(".plot", "-");
    assert!((width() - 8.0 * whole).abs() < 1.0);
    browser.type_into(".plot", "0");
    assert_eq!((width(), ticks()), (whole, plain));
    let wheel = "const plot = document.querySelector('.plot'); plot.dispatchEvent(new WheelEvent('wheel', \
                 {deltaY: -1, ctrlKey: true, clientX: plot.getBoundingClientRect().right - 20, cancelable: true})); \
                 return plot.scrollLeft";
    assert!(browser.run(wheel, &[]).as_f64().unwrap() > whole / 2.0);
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn without_script_only_sorting_filtering_and_zooming_are_lost() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    browser.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    open(&browser, &written(folder.path(), &page("zoom-beijing-keys.pcapng")));
    let visible = "return [...document.querySelectorAll('.map svg, .plot svg, #s1 table.ends, #sources')].map(part => part.checkVisibility())";
    let parts: Vec<bool> = serde_json::from_value(browser.run(visible, &[])).unwrap();
    assert!(parts.len() >= 4 && parts.iter().all(|visible| *visible), "{parts:?}");
    assert_eq!(
        browser.run("return document.querySelectorAll('button, input').length", &[]),
        0,
        "nothing that does nothing"
    );
    browser.click("#s1 table.ends > tbody summary");
    assert_eq!(
        browser.run("return document.querySelector('#s1 table.ends .facts').checkVisibility()", &[]),
        true
    );
}

#[test]
fn a_narrow_screen_does_not_scroll_sideways() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &page("zoom-beijing-keys.pcapng"));
    for width in [360, 600, 1150] {
        browser.resize(width, 800);
        open(&browser, &path);
        unfold(&browser);
        let wide = browser.run("return document.documentElement.scrollWidth", &[]);
        assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} at {width}");
    }
}

#[test]
fn strings_that_would_do_something_do_nothing() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (which, page) in hostile_pages() {
        open(&browser, &written(folder.path(), &page));
        unfold(&browser);
        let state = "return [document.title.startsWith('Denied'), typeof window.owned, document.scripts.length, \
                     document.images.length, document.styleSheets.length, document.forms.length]";
        assert_eq!(browser.run(state, &[]), json!([true, "undefined", 1, 0, 1, 0]), "{which}");
        let handlers = "return [...document.querySelectorAll('*')].flatMap(element => [...element.attributes])\
                        .filter(attribute => attribute.name.startsWith('on') || attribute.name === 'style').length";
        assert_eq!(browser.run(handlers, &[]), 0, "{which}");
        assert_eq!(browser.console(), [""; 0], "{which}");
    }
}

#[test]
fn the_policy_stops_what_gets_into_a_page() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = page("zoom-beijing-keys.pcapng");
    let intruder = "<script>document.title = 'owned'</script><img src='http://127.0.0.1:9/x'>\
                    <p id=p style='color: rgb(1, 2, 3)' onclick='document.title = \"owned\"'>x</p></main>";
    browser.open(&written(folder.path(), &page.replace("</main>", intruder)));
    let state = "document.getElementById('p').click(); \
                 return [document.title, getComputedStyle(document.getElementById('p')).color]";
    let state = browser.run(state, &[]);
    assert!(state[0].as_str().unwrap().starts_with("Denied") && state[1] != "rgb(1, 2, 3)", "{state}");
    let refused = browser.console();
    assert!(
        refused.len() >= 4 && refused.iter().all(|line| line.contains("Content Security Policy")),
        "{refused:?}"
    );
}

/// Of `axe.min.js` of axe-core 4.14.1, which `ci/setup` fetches.
const AXE: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// Faults that axe-core calls serious or critical.
fn faults(browser: &Browser) -> Vec<String> {
    let found = browser.run_async(
        "const done = arguments[arguments.length - 1]; axe.run({resultTypes: ['violations']}).then(result => \
         done(result.violations.filter(fault => ['serious', 'critical'].includes(fault.impact))\
         .map(fault => fault.id + ': ' + fault.nodes.slice(0, 3).map(node => node.html + ' ' + node.failureSummary).join(' | '))))",
    );
    serde_json::from_value(found).unwrap()
}

#[test]
fn axe_finds_no_serious_fault() {
    let (Some(axe), Some(browser)) = (axe(), Browser::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["zoom-beijing-keys.pcapng", "denied-probe-unanswered.pcap", "empty.pcap", "."] {
        let path = written(folder.path(), &page(name));
        for (scheme, width) in [("light", 1150), ("dark", 1150), ("light", 360)] {
            browser.prefer(scheme);
            browser.resize(width, 1000);
            browser.open(&path);
            unfold(&browser);
            browser.run(&axe, &[]);
            assert_eq!(faults(&browser), [""; 0], "{name}, {scheme}, {width}");
        }
    }
}

/// axe-core, where `ci/setup` could fetch it.
fn axe() -> Option<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let Ok(axe) = std::fs::read_to_string(target.join("npm/node_modules/axe-core/axe.min.js")) else {
        eprintln!("left out: axe-core is not in target/npm, where `ci/setup test` puts it if there is npm");
        return None;
    };
    let digest: String =
        Sha256::digest(&axe).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_eq!(digest, AXE, "another axe-core than the one that is meant");
    Some(axe)
}

#[cfg(feature = "parquet")]
#[test]
fn the_page_of_a_corpus_is_readable_by_everybody() {
    let (Some(axe), Some(browser)) = (axe(), Browser::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, page) in crate::corpus_pages::pages() {
        let path = written(folder.path(), &page);
        for (scheme, width) in [("light", 1150), ("dark", 1150), ("light", 400)] {
            browser.prefer(scheme);
            browser.resize(width, 1000);
            open(&browser, &path);
            let wide = browser.run("return document.documentElement.scrollWidth", &[]);
            assert!(wide.as_u64().unwrap() <= u64::from(width), "{name}: {wide} at {width}");
            // Of great pages all folds at once take the judge a minute.
            if page.len() < 100_000 {
                browser.run("document.querySelectorAll('details').forEach(fold => fold.open = true)", &[]);
            }
            browser.run(&axe, &[]);
            assert_eq!(faults(&browser), [""; 0], "{name}, {scheme}, {width}");
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn the_role_that_is_chosen_is_shown_without_a_script() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pages = crate::corpus_pages::pages();
    let (_, page) = pages.iter().find(|(name, _)| *name == "month").unwrap();
    open(&browser, &written(folder.path(), page));
    let shown = "return [...new Set([...document.querySelectorAll('.view')].filter(view => view.checkVisibility())\
                 .map(view => view.className))]";
    assert_eq!(browser.run(shown, &[]), json!(["view r-any"]));
    browser.click("#role-signaling");
    assert_eq!(browser.run(shown, &[]), json!(["view r-signaling"]));
}

#[test]
fn many_calls_and_addresses_stay_usable() {
    const CALLS: u32 = 120;
    const SERVERS: u32 = 10;
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("many.pcap"), strange::many(CALLS, SERVERS)).unwrap();
    run_in(folder.path(), &["inspect", "--deny", "CN", "--html", "page.html", "many.pcap"]);
    open(&browser, &folder.path().join("page.html"));
    let rows = |selector: &str| {
        let script = format!("return document.querySelectorAll('{selector}').length");
        browser.run(&script, &[]).as_u64().unwrap()
    };
    assert_eq!(rows("#calls table.list > tbody"), 100, "a page of calls");
    assert_eq!(rows("#endpoints table.ends > tbody"), 100, "a page of addresses");
    assert_eq!(rows("details.call"), u64::from(CALLS));
    assert_eq!(rows("details.call[open]"), 1);
    browser.click("#endpoints .tools button:nth-of-type(2)");
    let status = browser.run("return document.querySelector('#endpoints .tools').textContent", &[]);
    assert!(status.as_str().unwrap().contains("101 to 200"), "{status}");
    browser.type_into("#endpoints .tools input", "no answer");
    let wait = "const done = arguments[arguments.length - 1]; setTimeout(() => \
                done(document.querySelector('#endpoints .tools').textContent), 400)";
    let status: Value = browser.run_async(wait);
    assert!(status.as_str().unwrap().contains(" of "), "{status}");
    // A link to a call that is folded away unfolds it.
    browser.run("location.hash = '#s117'", &[]);
    assert_eq!(browser.run("return document.querySelector('#s117 summary').checkVisibility()", &[]), true);
    assert_eq!(browser.console(), [""; 0]);
}
