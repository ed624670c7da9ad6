//! The words that samples are made of: usual ones, very long ones, and ones that try to break out of a page.

/// Words for every place in which a page shows what somebody else wrote.
pub(crate) struct Words {
    pub(crate) kind: &'static str,
    pub(crate) institution: String,
    pub(crate) person: String,
    pub(crate) mail: String,
    pub(crate) key: String,
    pub(crate) model: String,
    pub(crate) text: String,
}

pub(crate) fn usual() -> Words {
    Words {
        kind: "usual",
        institution: "University of Musterstadt".to_owned(),
        person: "Ada Lovelace".to_owned(),
        mail: "ada.lovelace@uni-musterstadt.example".to_owned(),
        key: "Notebook".to_owned(),
        model: "qwen3-coder-30b".to_owned(),
        text: "The name is already in use. Choose another one.".to_owned(),
    }
}

pub(crate) fn long() -> Words {
    Words {
        kind: "long",
        institution: "Niedersächsische Hochschule für angewandte Wissenschaften, Künste und Verwaltung"
            .to_owned(),
        person: "Maria Magdalena Theodora von und zu Hohenstein-Wolkenkuckucksheim".to_owned(),
        mail: "maria.magdalena.theodora.hohenstein-wolkenkuckucksheim@verwaltung.hochschule.example"
            .to_owned(),
        key: "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrikautomatisierungsprojektschlüssel"
            .to_owned(),
        model: "organisation/a-very-long-name-of-a-model-405b-instruct-2026-11-fp8-long-context-preview"
            .to_owned(),
        text: "A sentence that goes on and on, as messages of machines sometimes do. ".repeat(4),
    }
}

pub(crate) fn hostile() -> Words {
    let bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    Words {
        kind: "hostile",
        institution: bad.to_owned(),
        person: bad.to_owned(),
        mail: format!("{bad}@x"),
        key: bad.to_owned(),
        model: bad.to_owned(),
        text: bad.to_owned(),
    }
}
