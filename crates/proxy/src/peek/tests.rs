use proptest::prelude::*;

use super::*;

fn peek(body: &[u8]) -> Result<Peeked, BodyRefusal> {
    super::peek(body, Counts::Nothing)
}

#[test]
fn what_else_is_counted_is_counted_where_it_is() {
    let of = |counts, body: &str| {
        let peeked = super::peek(body.as_bytes(), counts).unwrap();
        (peeked.inputs, peeked.documents)
    };
    let body = r#"{"model":"m","input":["a","b"],"documents":[{"text":"a"},"b","c"]}"#;
    assert_eq!(of(Counts::Nothing, body), (1, 0));
    assert_eq!(of(Counts::Inputs, body), (2, 0));
    assert_eq!(of(Counts::Documents, body), (1, 3));
    assert_eq!(of(Counts::Inputs, r#"{"model":"m","input":[1,2,3]}"#), (1, 0));
    assert_eq!(
        of(
            Counts::Documents,
            r#"{"model":"m","text_1":"q","text_2":["a","b"],"documents":["c"]}"#
        ),
        (1, 2)
    );
}

#[test]
fn finds_the_spans_it_will_edit() {
    let body = br#" {"a":{"model":"inner"}, "model" : "m\u0031" ,"stream":true,"stream_options":{"x":1},"n":3,"max_tokens":7}"#;
    let peeked = peek(body).unwrap();
    let model = peeked.model.unwrap();
    assert_eq!(model.name, "m1");
    assert_eq!(&body[model.at], br#""m\u0031""#);
    assert_eq!(&body[peeked.stream_options_at.unwrap()], br#"{"x":1}"#);
    assert!(peeked.stream && !peeked.include_usage);
    assert_eq!((peeked.choices, peeked.max_tokens), (3, Some(7)));
}

#[test]
fn a_field_that_stands_twice_is_refused_also_when_escaped() {
    for body in [
        r#"{"model":"cheap","model":"dear"}"#,
        r#"{"model":"cheap","mod\u0065l":"dear"}"#,
    ] {
        assert_eq!(peek(body.as_bytes()), Err(BodyRefusal::Twice("model".into())));
    }
    assert_eq!(
        peek(br#"{"model":"m","stream":true,"stream":false}"#),
        Err(BodyRefusal::Twice("stream".into()))
    );
}

#[test]
fn a_field_in_other_letters_is_refused() {
    for (body, meant) in [
        (r#"{"model":"cheap","Model":"dear"}"#, "model"),
        (r#"{"model":"cheap","MODE\u004c":"dear"}"#, "model"),
        (r#"{"model":"m","max_to\u212aens":7}"#, "max_tokens"),
        (r#"{"model":"m","\u017ftream":true}"#, "stream"),
    ] {
        let refused = peek(body.as_bytes());
        assert!(
            matches!(refused, Err(BodyRefusal::Field { field, .. }) if field == meant),
            "{body}"
        );
    }
    for body in [
        r#"{"model":"m","models":1,"x":{"Model":"n"}}"#,
        r#"{"model":"m","Temperature":1,"":2}"#,
    ] {
        assert!(peek(body.as_bytes()).is_ok(), "{body}");
    }
}

#[test]
fn a_number_of_pictures_is_read_in_one_way() {
    let n = |text: &str| {
        super::peek(
            format!(r#"{{"model":"m","n":{text}}}"#).as_bytes(),
            Counts::Images,
        )
        .map(|peeked| peeked.n)
    };
    assert_eq!((n("3"), n("null"), n("0")), (Ok(3), Ok(1), Ok(1)));
    assert_eq!((n("\"10\""), n("10.0")), (Ok(10), Ok(10)));
    for odd in ["\"ten\"", "1.5", "-1", "[2]", "1e99"] {
        assert!(n(odd).is_err(), "{odd}");
    }
    assert!(
        peek(br#"{"model":"m","n":"10"}"#).is_ok(),
        "elsewhere it is the model server's to judge"
    );
}

#[test]
fn depth_is_capped_but_not_inside_strings() {
    let nested = |depth: usize| {
        format!(
            r#"{{"model":"m","x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert!(peek(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert_eq!(
        peek(nested(MAX_DEPTH).as_bytes()),
        Err(BodyRefusal::Depth(MAX_DEPTH))
    );
    let text = format!(r#"{{"model":"m","x":"\"{}"}}"#, "[".repeat(500));
    assert!(peek(text.as_bytes()).is_ok());
}

#[test]
fn says_what_is_wrong() {
    assert_eq!(peek(b"{}").unwrap().model, None);
    assert_eq!(peek(br#"{"model":null}"#).unwrap().model, None);
    let odd = peek(br#"{"previous_response_id":7,"store":"no","background":1}"#).unwrap();
    assert_eq!(
        (odd.previous.as_deref(), odd.store, odd.background),
        (Some("7"), Some(true), true)
    );
    assert!(matches!(
        peek(br#"{"model":7}"#),
        Err(BodyRefusal::Field { field: "model", .. })
    ));
    assert!(matches!(
        peek(br#"{"model":"m","stream":"yes"}"#),
        Err(BodyRefusal::Field { field: "stream", .. })
    ));
    assert!(matches!(peek(br#"{"model":"m""#), Err(BodyRefusal::Json(_))));
    assert!(matches!(
        peek(br#"{"model":"m"} trailing"#),
        Err(BodyRefusal::Json(_))
    ));
    assert!(matches!(peek(b"[]"), Err(BodyRefusal::Json(_))));
    assert_eq!(
        peek(br#"{"model":"m","max_tokens":-1}"#).unwrap().max_tokens,
        None
    );
}

proptest! {
    #[test]
    fn never_panics(body: Vec<u8>) {
        let _ = super::peek(&body, Counts::Documents);
    }

    #[test]
    fn model_is_what_serde_reads(model: String, before: bool) {
        let value = serde_json::to_string(&model).unwrap();
        let body = if before { format!(r#"{{"model":{value},"z":[1,{{}}]}}"#) } else { format!(r#"{{"z":"\\","model":{value}}}"#) };
        let peeked = peek(body.as_bytes()).unwrap();
        let found = peeked.model.unwrap();
        prop_assert_eq!(&found.name, &model);
        prop_assert_eq!(&body[found.at], value);
    }
}
