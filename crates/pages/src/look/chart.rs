//! A chart of stacked bars as SVG, which needs neither a script nor a style attribute: classes of the style sheet give
//! the colours, so that it is right in light and dark.

use std::fmt::Write as _;

use super::format::{number, short};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 260.0;
/// Half a label of the first bar needs this much.
const LEFT: f64 = 28.0;
/// The scale is at this side: in a narrow window what is newest is in view, and its scale must be as well.
const RIGHT: f64 = 56.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;
/// Labels below the bars: more than this many would touch each other.
const MOST_LABELS: usize = 12;
/// A bar of a short range would look like a wall without this.
const WIDEST_BAR: f64 = 48.0;

/// One bar.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// What stands below it, a few letters: `26 Nov`.
    pub label: String,
    /// The lower and the upper part.
    pub values: [u64; 2],
}

/// The chart of `bars`, from left to right. `series` names the lower and the upper part of each. The result fills the
/// width of its container; people who cannot see it are told the title, the totals and the highest bar.
#[must_use]
pub fn bars(title: &str, bars: &[Bar], series: [&str; 2]) -> String {
    let scale = Scale::of(bars.iter().map(height).max().unwrap_or(0));
    let id = id(title);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>",
        escaped(title),
        escaped(&described(bars, series)),
    );
    draw_lines(&mut svg, &scale);
    draw_bars(&mut svg, &scale, bars, series);
    draw_labels(&mut svg, bars);
    svg.push_str("</svg>");
    svg
}

// A page may have several charts, each with a title of its own.
fn id(title: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    format!("chart-{}", title.chars().map(letter).collect::<String>())
}

/// What the height of the chart stands for.
struct Scale {
    step: u64,
    steps: u64,
}

impl Scale {
    /// Three to six lines at 1, 2 or 5 times a power of ten, of which the last is not below `highest`.
    fn of(highest: u64) -> Self {
        let mut power: u64 = 1;
        let step = loop {
            let fits = [1, 2, 5]
                .map(|times| power.saturating_mul(times))
                .into_iter()
                .find(|step| highest / step < 5);
            match (fits, power.checked_mul(10)) {
                (Some(step), _) => break step,
                (None, Some(next)) => power = next,
                (None, None) => break u64::MAX,
            }
        };
        Self {
            step,
            steps: highest.div_ceil(step).max(1),
        }
    }

    /// How far below the top of the picture `value` is.
    fn y(&self, value: u64) -> f64 {
        let part = value as f64 / (self.step as f64 * self.steps as f64);
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - part.min(1.0))
    }
}

fn height(bar: &Bar) -> u64 {
    bar.values[0].saturating_add(bar.values[1])
}

fn described(bars: &[Bar], series: [&str; 2]) -> String {
    let total = |part: usize| {
        number(
            bars.iter()
                .fold(0, |sum, bar| bar.values[part].saturating_add(sum)),
        )
    };
    let mut text = format!("{}: {}. {}: {}.", series[0], total(0), series[1], total(1));
    if let Some(highest) = bars
        .iter()
        .max_by_key(|bar| height(bar))
        .filter(|bar| height(bar) > 0)
    {
        _ = write!(text, " {}: {}.", highest.label, number(height(highest)));
    }
    text
}

fn draw_lines(svg: &mut String, scale: &Scale) {
    for line in 0..=scale.steps {
        let value = scale.step.saturating_mul(line);
        let y = scale.y(value);
        let class = if line == 0 { "axis" } else { "rule" };
        _ = write!(
            svg,
            "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"start\">{}</text>",
            WIDTH - RIGHT,
            WIDTH - RIGHT + 8.0,
            y + 4.0,
            short(value),
        );
    }
}

fn draw_bars(svg: &mut String, scale: &Scale, bars: &[Bar], series: [&str; 2]) {
    let space = space(bars);
    let width = (space * 0.7).min(WIDEST_BAR);
    for (place, bar) in bars.iter().enumerate() {
        let x = LEFT + space * (place as f64 + 0.5) - width / 2.0;
        let (ground, middle, top) = (scale.y(0), scale.y(bar.values[0]), scale.y(height(bar)));
        _ = write!(
            svg,
            "<g><title>{}: {} {}, {} {}</title>",
            escaped(&bar.label),
            escaped(series[0]),
            number(bar.values[0]),
            escaped(series[1]),
            number(bar.values[1]),
        );
        for (class, from, to) in [("first", ground, middle), ("second", middle, top)] {
            _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{to:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                from - to,
            );
        }
        svg.push_str("</g>");
    }
}

fn draw_labels(svg: &mut String, bars: &[Bar]) {
    let every = bars.len().div_ceil(MOST_LABELS).max(1);
    // Counted from the end, so that the newest bar has its label whatever is left out.
    for (place, bar) in bars.iter().enumerate().rev().step_by(every) {
        let x = LEFT + space(bars) * (place as f64 + 0.5);
        _ = write!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 8.0,
            escaped(&bar.label),
        );
    }
}

/// The width that one bar has for itself.
fn space(bars: &[Bar]) -> f64 {
    (WIDTH - LEFT - RIGHT) / bars.len().max(1) as f64
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
