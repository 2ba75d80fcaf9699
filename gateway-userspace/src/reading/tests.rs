use super::fixture::Written;
use super::paint::Paint;
use super::timeline::Timeline;
use super::{cast, html, logs, screen};

fn timeline() -> Timeline {
    let mut written = Written::new();
    written.session("aaaa");
    let files = logs::files(written.path(), "aa").expect("found by its beginning");
    Timeline::of("aaaa", logs::records(files)).expect("read")
}

#[test]
fn a_command_stands_with_its_verdict_and_what_came_of_it() {
    let shown = screen::draw(&timeline(), Paint::Plain, screen::LINES);
    for line in [
        "agent    coder",
        "target   orders at 192.0.2.1:5432, database shop",
        "#1 ✓ allowed  [reads]",
        "│ select id, email from orders where id = $1",
        "│ $1 = '17'",
        "└ SELECT 3  ·  3 rows, 412 B  ·  1.2 ms",
        "#2 ✗ denied: not allowed for this agent  [no-drops]",
        "└ failed: 23505",
        "4 commands, 3 denied",
    ] {
        assert!(shown.contains(line), "{line:?} is missing in\n{shown}");
    }
}

#[test]
fn nothing_of_an_agent_reaches_a_terminal_as_it_is() {
    let shown = screen::draw(&timeline(), Paint::Plain, screen::LINES);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(!shown.lines().any(|line| line.starts_with("2026 forged")), "{shown}");
    assert!(shown.contains("│ 2026 forged line"));
}

#[test]
fn a_page_holds_no_markup_of_an_agent_and_loads_nothing() {
    let page = html::page(&timeline());
    assert!(!page.contains("<script") && !page.contains("</script>") && !page.contains("<b>|"));
    assert!(page.contains("&lt;/script&gt;&lt;b&gt;|"));
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[test]
fn a_recording_of_a_terminal_never_goes_back_in_time() {
    let cast = cast::cast(&timeline());
    let mut lines = cast.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().expect("a head")).expect("json");
    assert_eq!(head["version"], 2);
    let times: Vec<f64> =
        lines.map(|line| serde_json::from_str::<(f64, String, String)>(line).expect("an event").0).collect();
    assert!(times.len() > 5 && times.is_sorted(), "{times:?}");
}
