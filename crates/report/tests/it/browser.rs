//! In a real browser, where there is one: the script runs under the page's own policy.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::data::{Case, Variant};
use crate::dom::{Element, page, parse};

/// The first browser on `PATH`.
fn browser() -> Option<&'static str> {
    let path = std::env::var_os("PATH")?;
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// The document after scripts ran; `None` where the browser cannot start here.
fn dump(browser: &str, home: &Path, hash: &str) -> Option<Vec<Element>> {
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--window-size=400,800", "--dump-dom"])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .arg(format!("file://{}#{hash}", home.join("report.html").display()))
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.contains("item-table").then(|| parse(&text).0)
}

fn rows(elements: &[Element]) -> Vec<&Element> {
    elements.iter().filter(|e| e.name == "tbody" && e.get("class").is_some()).collect()
}

fn status(elements: &[Element]) -> &str {
    elements.iter().find(|e| e.get("id") == Some("status")).map_or("", |e| e.text.as_str())
}

#[test]
fn a_link_filters_the_table() {
    let Some(browser) = browser() else {
        println!("skipped: no chromium, chromium-browser or google-chrome on PATH");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let case = Case::new(Variant::Sample, 500);
    std::fs::write(home.path().join("report.html"), page(&case)).unwrap();

    let Some(elements) = dump(browser, home.path(), "outcome=possible") else {
        println!("skipped: `{browser}` does not start here");
        return;
    };
    let controls = elements.iter().find(|e| e.get("id") == Some("controls")).unwrap();
    assert_eq!(controls.get("hidden"), None, "the script ran");
    let off = |e: &&Element| e.get("class").is_some_and(|class| class.contains("off"));
    let visible: Vec<_> = rows(&elements).into_iter().filter(|e| !off(e)).collect();
    let possible = case.summary.totals.possible;
    assert_eq!(visible.len() as u64, possible);
    assert!(visible.iter().all(|e| e.get("class") == Some("possible")));
    assert_eq!(status(&elements), format!("Items 1 to {possible} of {possible}; 500 in all"));

    // Two words, sorted by name from the end.
    let elements = dump(browser, home.path(), "outcome=match&q=vendor-a+2018-12&sort=name&dir=desc").unwrap();
    let visible: Vec<_> = rows(&elements).into_iter().filter(|e| !off(e)).collect();
    let fits = |item: &&saltprint::ItemReport| {
        let text = serde_json::to_string(item).unwrap();
        item.outcome == saltprint::Outcome::Match && text.contains("vendor-a") && text.contains("2018-12")
    };
    let mut wanted: Vec<_> = case.items.iter().filter(fits).map(|item| item.input.as_str()).collect();
    wanted.reverse();
    assert!(wanted.len() > 3 && visible.len() == wanted.len());
    assert!(visible.iter().zip(wanted).all(|(row, name)| row.text.contains(name)));
    let sorted: Vec<_> =
        elements.iter().filter_map(|e| e.get("aria-sort")).filter(|sort| *sort != "none").collect();
    assert_eq!(sorted, ["descending"]);

    // The last page of all.
    let elements = dump(browser, home.path(), "page=9").unwrap();
    assert_eq!(status(&elements), "Items 401 to 500 of 500");
    assert_eq!(rows(&elements).iter().filter(|e| !off(e)).count(), 100);

    // A link to an item goes to the page that it is on, whatever was filtered.
    let altered =
        |item: &saltprint::ItemReport| item.matches.iter().any(|m| m.copy == saltprint::CopyExtent::Altered);
    let far = case.items.iter().rposition(altered).unwrap();
    assert!(far >= 200, "{far}");
    let elements = dump(browser, home.path(), &format!("i{}", far + 1)).unwrap();
    let row = rows(&elements)[far];
    assert!(!off(&row) && row.get("class").unwrap().contains("at"));
    // Cells that count hits became links to their items.
    assert!(
        elements
            .iter()
            .any(|e| e.get("href").is_some_and(|href| href.starts_with("#outcome=match&q=vendor-a")))
    );
}

/// What the page is wider than its window by, in a window as narrow as the browser makes one, in CSS pixels.
const MEASURE: &str = "<script>addEventListener('load', () => { const page = document.documentElement; \
    document.getElementById('status').textContent = `wider by ${page.scrollWidth - page.clientWidth}`; });</script>";

#[test]
fn a_narrow_window_is_not_scrolled_sideways() {
    let Some(browser) = browser() else {
        println!("skipped: no chromium, chromium-browser or google-chrome on PATH");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let page = page(&Case::new(Variant::Sample, 60));
    // The page's own policy would not let a script of ours run.
    let measured = page.replace("http-equiv=\"Content-Security-Policy\"", "name=\"policy\"") + MEASURE;
    assert!(measured.len() < page.len() + MEASURE.len(), "the policy stands where it is looked for");
    std::fs::write(home.path().join("report.html"), measured).unwrap();

    let Some(elements) = dump(browser, home.path(), "") else {
        println!("skipped: `{browser}` does not start here");
        return;
    };
    assert_eq!(status(&elements), "wider by 0");
}
