//! A timeline as a recording of a terminal, version 2 of asciicast, which every player of them reads.

use serde_json::json;

use super::paint::Paint;
use super::screen;
use super::timeline::Timeline;

const COLUMNS: u32 = 120;
const ROWS: u32 = 36;

pub fn cast(timeline: &Timeline) -> String {
    let began = timeline.began.as_deref().and_then(gateway_audit::moment::unix_millis).unwrap_or_default();
    let head = json!({
        "version": 2,
        "width": COLUMNS,
        "height": ROWS,
        "timestamp": began / 1000,
        "title": format!("Postern session {}", timeline.name),
        "env": { "TERM": "xterm-256color" },
    });
    let first = (0, screen::head(timeline, Paint::Colours) + "\n");
    let steps = timeline
        .steps
        .iter()
        .map(|step| (step.after_ms.max(0), screen::draw_step(step, Paint::Colours, screen::LINES)));
    let mut text = format!("{head}\n");
    let mut latest = 0;
    for (millis, drawn) in std::iter::once(first).chain(steps) {
        // Players expect times that do not go back, and a clock may have been put back meanwhile.
        latest = latest.max(millis);
        let seconds = format!("{}.{:03}", latest / 1000, latest % 1000);
        let output = json!(drawn.replace('\n', "\r\n"));
        text.push_str(&format!("[{seconds}, \"o\", {output}]\n"));
    }
    text
}
