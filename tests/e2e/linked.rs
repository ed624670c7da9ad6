//! What the binaries are linked with: they build and run where there is nothing but a C library.

use std::process::Command;

/// Begin so, in the list of shared libraries.
const NEVER: [&str; 6] = [
    "libxml2",
    "libxmlsec",
    "libxslt",
    "libssl",
    "libcrypto",
    "libgnutls",
];

#[test]
fn no_binary_needs_an_xml_library_or_openssl() {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    for binary in ["llm-gateway", "llm-gateway-admin", "llm-gateway-standalone"] {
        let path = folder.join(binary);
        assert!(path.exists(), "there is no {}", path.display());
        let listed = Command::new("ldd").arg(&path).output().unwrap();
        let libraries = String::from_utf8(listed.stdout).unwrap();
        assert!(libraries.contains("libc.so"), "{binary}: {libraries}");
        for library in NEVER {
            assert!(!libraries.contains(library), "{binary}: {libraries}");
        }
    }
}
