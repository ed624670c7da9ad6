use super::*;

/// The values of `name` in all elements that begin with `element`.
fn attributes(svg: &str, element: &str, name: &str) -> Vec<f64> {
    let key = format!(" {name}=\"");
    svg.split(element)
        .skip(1)
        .map(|rest| rest.split('>').next().expect("an end"))
        .filter_map(|tag| tag.split(&key).nth(1))
        .map(|value| {
            value
                .split('"')
                .next()
                .expect("a quote")
                .parse()
                .expect("a number")
        })
        .collect()
}

fn some_bars(count: usize, value: impl Fn(usize) -> [u64; 2]) -> Vec<Bar> {
    (0..count)
        .map(|day| Bar {
            label: format!("{day} Nov"),
            values: value(day),
        })
        .collect()
}

#[test]
fn bars_never_leave_the_box() {
    let many = [
        some_bars(1, |_| [1, 0]),
        some_bars(7, |day| [day as u64 * 1_234, 99]),
        some_bars(31, |day| [u64::MAX, day as u64]),
        some_bars(400, |day| [10_u64.pow(day as u32 % 20), u64::MAX / 2]),
    ];
    for bars_ in many {
        let svg = bars("Tokens", &bars_, ["in", "out"]);
        let (xs, widths) = (attributes(&svg, "<rect", "x"), attributes(&svg, "<rect", "width"));
        let (ys, heights) = (
            attributes(&svg, "<rect", "y"),
            attributes(&svg, "<rect", "height"),
        );
        assert_eq!(xs.len(), bars_.len() * 2);
        for at in 0..xs.len() {
            assert!(xs[at] >= LEFT && xs[at] + widths[at] <= WIDTH - RIGHT + 0.2);
            assert!(ys[at] >= TOP && heights[at] >= 0.0 && ys[at] + heights[at] <= HEIGHT - BOTTOM + 0.2);
        }
    }
}

#[test]
fn no_data_is_a_chart_as_well() {
    for bars_ in [vec![], some_bars(3, |_| [0, 0])] {
        let svg = bars("Tokens", &bars_, ["in", "out"]);
        assert!(
            svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"),
            "{svg}"
        );
    }
}

#[test]
fn lines_stand_at_round_numbers() {
    for (highest, step, steps) in [
        (0, 1, 1),
        (4, 1, 4),
        (7, 2, 4),
        (1_234, 500, 3),
        (10_000, 5_000, 2),
        (99, 20, 5),
    ] {
        let scale = Scale::of(highest);
        assert_eq!((scale.step, scale.steps), (step, steps), "{highest}");
    }
    let scale = Scale::of(u64::MAX);
    assert!(scale.step as f64 * scale.steps as f64 >= u64::MAX as f64);
}

#[test]
fn labels_of_a_long_range_are_thinned() {
    let svg = bars("Tokens", &some_bars(90, |_| [1, 1]), ["in", "out"]);
    assert!(svg.matches("text-anchor=\"middle\"").count() <= MOST_LABELS);
}

#[test]
fn the_newest_bar_has_a_label_and_no_label_leaves_the_box() {
    for count in [1, 7, 30, 90, 400] {
        let svg = bars("Tokens", &some_bars(count, |_| [1, 1]), ["in", "out"]);
        assert!(
            svg.contains(&format!("\"middle\">{} Nov</text>", count - 1)),
            "{svg}"
        );
        let places = svg
            .replace("text-anchor=\"start\"", "")
            .replace("<text", "<label");
        for x in attributes(&places, "<label", "x") {
            assert!((24.0..=WIDTH - 24.0).contains(&x), "{count}: {x}");
        }
    }
}

#[test]
fn the_scale_rises_beside_the_newest_bar() {
    for highest in [0, 7, 1_234, 10_000_000, u64::MAX] {
        let svg = bars("Tokens", &some_bars(3, |_| [highest, 0]), ["in", "out"]);
        let scale: Vec<&str> = svg.split("<line").skip(1).collect();
        let heights: Vec<f64> = scale
            .iter()
            .flat_map(|line| attributes(&format!("<line{line}"), "<line", "y1"))
            .collect();
        assert!(heights.len() >= 2, "{svg}");
        assert!(heights.windows(2).all(|pair| pair[1] < pair[0]), "{heights:?}");
        assert!(
            heights.iter().all(|y| (TOP..=HEIGHT - BOTTOM).contains(y)),
            "{heights:?}"
        );
        assert_eq!(svg.matches("text-anchor=\"start\"").count(), heights.len());
    }
}

#[test]
fn names_cannot_bring_markup_along() {
    let bad = "<script>alert(1)</script>";
    let svg = bars(
        bad,
        &[Bar {
            label: bad.to_owned(),
            values: [1, 2],
        }],
        [bad, bad],
    );
    assert!(!svg.contains("<script"), "{svg}");
}
