//! Ids of answers that model servers keep.

/// An id that can stand in a path as it is: letters, digits and `-_.:`, 1 to 256 of them, not just dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerId(String);

const LONGEST: usize = 256;

impl AnswerId {
    /// The id that `text` is; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let good = (1..=LONGEST).contains(&text.len()) && text.bytes().all(known);
        (good && text.bytes().any(|byte| byte != b'.')).then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_place_in_a_path() {
        for good in ["resp_0a1b", "chatcmpl-9", "a:b.c", "9"] {
            assert_eq!(AnswerId::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(LONGEST + 1);
        for bad in [
            "", ".", "..", "a/b", "a%2fb", "a?b", "a#b", "a b", "ä", "a\\b", &long,
        ] {
            assert_eq!(AnswerId::parse(bad), None, "{bad}");
        }
    }
}
