//! The scaling curve: how the load and the numbers of instances went, as a picture in a page (inline SVG, coloured by the page's style).

use std::fmt::Write;

use serde_json::Value;

/// What is drawn: two panels above one another, on one axis of time.
const PANELS: [Panel; 2] = [
    Panel {
        title: "requests per second",
        series: &[("requests_per_second", "requests")],
    },
    Panel {
        title: "instances",
        series: &[("capacity", "capacity"), ("miners", "miners"), ("api", "API")],
    },
];

/// The picture's measures, in its own units: about a pixel of a phone each, so that its text can be read there.
const WIDTH: f64 = 480.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 12.0;
const PANEL_TOP: f64 = 28.0;
const PANEL_HEIGHT: f64 = 110.0;
const PANEL_EVERY: f64 = PANEL_TOP + PANEL_HEIGHT + 14.0;
const BELOW: f64 = 22.0;

struct Panel {
    title: &'static str,
    /// The samples' fields, and how they are called.
    series: &'static [(&'static str, &'static str)],
}

/// The picture of samples in the order of their time, `after_s`. A series is drawn if samples have it, a panel if one of its series is drawn; without two samples there is no picture.
pub fn svg(samples: &[Value]) -> String {
    let panels: Vec<_> = PANELS
        .iter()
        .map(|panel| (panel, drawn(panel, samples)))
        .filter(|(_, series)| !series.is_empty())
        .collect();
    let end = samples.last().and_then(|last| last["after_s"].as_f64()).unwrap_or(0.0);
    if panels.is_empty() || samples.len() < 2 || end <= 0.0 {
        return String::new();
    }
    let mut tops = 0.0;
    let mut body = String::new();
    for (panel, series) in &panels {
        draw(&mut body, panel, series, tops, end);
        tops += PANEL_EVERY;
    }
    let height = tops + BELOW;
    let bottom = tops + 8.0;
    // Writing to a string does not fail.
    let _ = write!(
        body,
        "<text x=\"{LEFT}\" y=\"{bottom}\">0 s</text><text x=\"{}\" y=\"{bottom}\" class=\"end\">{end:.0} s</text>",
        WIDTH - RIGHT
    );
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Load and instances over {end:.0} seconds\">{body}</svg>"
    )
}

/// One series: its name in the samples, that for people, and its points in time.
type Series = (&'static str, &'static str, Vec<(f64, f64)>);

/// The panel's series that samples have.
fn drawn(panel: &Panel, samples: &[Value]) -> Vec<Series> {
    let points = |field: &str| -> Vec<(f64, f64)> {
        let point = |sample: &Value| Some((sample["after_s"].as_f64()?, sample[field].as_f64()?));
        samples.iter().filter_map(point).collect()
    };
    panel
        .series
        .iter()
        .map(|(field, name)| (*field, *name, points(field)))
        .filter(|(_, _, points)| !points.is_empty())
        .collect()
}

fn draw(body: &mut String, panel: &Panel, series: &[Series], top: f64, end: f64) {
    let values = series
        .iter()
        .flat_map(|(_, _, points)| points.iter().map(|(_, value)| *value));
    let most = values.fold(1.0, f64::max).ceil();
    let x = |after: f64| LEFT + after / end * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| top + PANEL_TOP + PANEL_HEIGHT * (1.0 - value / most);
    let title_at = top + 16.0;
    let _ = write!(body, "<text x=\"{LEFT}\" y=\"{title_at}\">{}</text>", panel.title);
    for value in [0.0, most] {
        let (at, label) = (y(value), LEFT - 6.0);
        let _ = write!(
            body,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{}\"/><text x=\"{label}\" y=\"{:.1}\" class=\"end\">{value}</text>",
            WIDTH - RIGHT,
            at + 4.0
        );
    }
    let mut legend = WIDTH - RIGHT;
    for (field, name, points) in series {
        let _ = write!(body, "<path class=\"line {field}\" d=\"{}\"/>", steps(points, &x, &y));
        if series.len() > 1 {
            let _ = write!(
                body,
                "<text x=\"{legend}\" y=\"{title_at}\" class=\"end {field}\">{name}</text>"
            );
            legend -= 70.0;
        }
    }
}

/// A line that stays at a value until the next one was seen: what is between two looks is not made up.
fn steps(points: &[(f64, f64)], x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let mut line = String::new();
    for (index, (after, value)) in points.iter().enumerate() {
        let (x, y) = (x(*after), y(*value));
        let _ = if index == 0 {
            write!(line, "M{x:.1} {y:.1}")
        } else {
            write!(line, "H{x:.1}V{y:.1}")
        };
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::svg;

    #[test]
    fn a_series_is_a_line_of_steps_from_edge_to_edge() {
        let picture = svg(&[
            json!({"after_s": 0, "api": 1, "miners": 3}),
            json!({"after_s": 5, "api": 3, "miners": 1}),
            json!({"after_s": 10, "api": 1, "miners": 3}),
        ]);
        // The most is 3, at the top of the panel, 28; one is two thirds of its height below.
        assert!(
            picture.contains("<path class=\"line api\" d=\"M40.0 101.3H254.0V28.0H468.0V101.3\"/>"),
            "{picture}"
        );
        assert!(
            picture.contains("line miners") && !picture.contains("line requests"),
            "{picture}"
        );
    }

    #[test]
    fn of_nothing_there_is_no_picture() {
        assert_eq!(svg(&[]), "");
        assert_eq!(svg(&[json!({"after_s": 1, "api": 1})]), "");
        assert_eq!(svg(&[json!({"after_s": 0}), json!({"after_s": 1})]), "");
    }
}
