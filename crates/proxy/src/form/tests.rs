use proptest::prelude::*;

use super::*;

const MODEL: &str = "Content-Disposition: form-data; name=\"model\"\r\n\r\nwhisper";
const FILE: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a;b.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--other\r\n\0";

fn form(parts: &[&str]) -> Vec<u8> {
    let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    format!("{parts}--b--\r\n").into_bytes()
}

fn model(body: &[u8]) -> Result<String, BodyRefusal> {
    peek(body, "b").map(|(peeked, _)| {
        let model = peeked.model.expect("it names a model");
        assert_eq!(&body[model.at], model.name.as_bytes());
        model.name
    })
}

#[test]
fn a_model_before_or_behind_the_file_is_found() {
    for parts in [[MODEL, FILE], [FILE, MODEL]] {
        assert_eq!(model(&form(&parts)), Ok("whisper".to_owned()));
    }
    let (peeked, tokens) = peek(&form(&[FILE]), "b").unwrap();
    assert_eq!((peeked.model, tokens), (None, FILE_TOKENS));
}

#[test]
fn what_else_matters_is_read() {
    let more = |name: &str, value: &str| format!("content-disposition:form-data;name={name}\r\n\r\n{value}");
    let body = form(&[
        MODEL,
        &more("stream", "True"),
        &more("n", "3"),
        &more("prompt", &"x".repeat(400)),
    ]);
    let (peeked, tokens) = peek(&body, "b").unwrap();
    assert_eq!((peeked.stream, peeked.n, tokens), (true, 3, 1 + 1 + 100));
}

#[test]
fn what_could_be_read_in_another_way_is_refused() {
    let with = |head: &str| form(&[MODEL, &format!("{head}\r\n\r\nx")]);
    let plain = form(&[MODEL, FILE]);
    let text = String::from_utf8_lossy(&plain).into_owned();
    for odd in [
        with("Content-Disposition: form-data; name=model"),
        with("Content-Disposition: form-data; name=\"mod\\el\""),
        with("Content-Disposition: form-data; name*=utf-8''model"),
        with("Content-Disposition: form-data; name=\"a\"; name=\"model\""),
        with("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\""),
        with("Content-Disposition: form-data; name=\"a\" name=\"model\""),
        with("Content-Disposition: form-data; name=\"a"),
        with("Content-Disposition: attachment; name=\"a\""),
        with("Content-Disposition: form-data; name=\"a\"; foo; name=\"model\""),
        with("Content-Disposition: form-data; z=\"a\\\\\"; name=\"a\"; y=\"; name=model; w=\""),
        with("Content-Disposition: form-data; name=\"a\"; filename=\"x\\\\\"; y=\"; name=model; w=\""),
        with("Content-Disposition: form-data; name=\"a\"; name*0=\"model\""),
        with("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; foo; charset=utf-16"),
        with("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset*0=utf-16"),
        with("Content-Disposition: form-data"),
        with("Content-Type: text/plain"),
        with("Content-Disposition : form-data; name=\"a\""),
        with("Content-Disposition: form-data; name=\"a\"\r\n name=\"model\""),
        with("Content-Disposition: form-data; name=\"a\"\nContent-Disposition: form-data; name=\"model\""),
        with("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64"),
        with("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-7"),
        with("Content-Disposition: form-data; name=\"_charset_\""),
        format!("a preamble\r\n{text}").into_bytes(),
        format!("\r\n{text}").into_bytes(),
        format!("{text}--b\r\n{MODEL}\r\n--b--\r\n").into_bytes(),
        text.replace("--b\r\n", "--b \r\n").into_bytes(),
        text.replace("\r\n", "\n").into_bytes(),
        text.replace("--b--\r\n", "").into_bytes(),
        text.replace("--b--\r\n", "--bc--\r\n").into_bytes(),
        Vec::new(),
    ] {
        let read = peek(&odd, "b");
        assert!(
            matches!(read, Err(BodyRefusal::Form(_) | BodyRefusal::Twice(_))),
            "{}",
            String::from_utf8_lossy(&odd)
        );
    }
    for plain in [
        "name=\"a\"; filename=\"odd \\\" name.wav\"",
        "name=\"a\"; filename=\"C:\\x.wav\"; filename*=utf-8''x.wav",
    ] {
        assert!(
            peek(&with(&format!("Content-Disposition: form-data; {plain}")), "b").is_ok(),
            "{plain}"
        );
    }
    let binary = with("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: Binary");
    assert!(peek(&binary, "b").is_ok());
    let odd = form(&["Content-Disposition: form-data; name=\"n\"\r\n\r\nten"]);
    assert!(matches!(
        peek(&odd, "b"),
        Err(BodyRefusal::Field { field: "n", .. })
    ));
    let file = "Content-Disposition: form-data; name=\"model\"; filename=\"m\"\r\n\r\nwhisper";
    assert!(matches!(
        peek(&form(&[file]), "b"),
        Err(BodyRefusal::Field { field: "model", .. })
    ));
}

#[test]
fn a_boundary_is_named_once() {
    assert_eq!(boundary("multipart/form-data; boundary=abc"), Ok("abc"));
    assert_eq!(
        boundary("multipart/form-data; charset=UTF-8; BOUNDARY=\"a b:c\""),
        Ok("a b:c")
    );
    for odd in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; foo; boundary=b",
        "multipart/form-data; boundary=a; boundary*0=b",
        "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a\\b\"",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a; charset=utf-16",
    ] {
        assert!(boundary(odd).is_err(), "{odd}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    assert!(boundary(&long).is_err());
}

proptest! {
    #[test]
    fn never_panics(body: Vec<u8>, text: String) {
        let _ = peek(&body, "b");
        let _ = boundary(&text);
        let _ = disposition(&text);
    }

    #[test]
    fn the_model_is_what_was_put_in(name in "[^\r\n]{0,40}", content: Vec<u8>, before: bool) {
        let mut file = b"Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n".to_vec();
        file.extend(content.iter().filter(|byte| **byte != b'-'));
        let named = format!("Content-Disposition: form-data; name=\"model\"\r\n\r\n{name}").into_bytes();
        let (first, second) = if before { (named, file) } else { (file, named) };
        let body = [&b"--b\r\n"[..], &first, b"\r\n--b\r\n", &second, b"\r\n--b--\r\n"].concat();
        prop_assert_eq!(model(&body), Ok(name));
    }
}
