//! A real identity provider: SimpleSAMLphp from Debian, on a free port with a folder of its own, and somebody who logs
//! in there as a browser would.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running SimpleSAMLphp. Ends when dropped.
#[derive(Debug)]
pub struct SimpleSaml {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl SimpleSaml {
    /// Starts one with these switches of its `start-idp.sh`, in an empty folder. `None`, said aloud, where it is not
    /// installed and nobody insists (`LLMGW_REQUIRE_STORES=1`).
    #[expect(
        clippy::disallowed_methods,
        reason = "tests wait in a thread of their own, and are told what must be there"
    )]
    #[must_use]
    pub fn start(folder: &Path, switches: &[(&str, &str)]) -> Option<Self> {
        let installed = Path::new("/usr/share/simplesamlphp/www").exists();
        if !installed {
            let required = std::env::var("LLMGW_REQUIRE_STORES").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "SimpleSAMLphp is not installed: scripts/install-test-deps.sh"
            );
            eprintln!("SKIPPED: SimpleSAMLphp is not installed (scripts/install-test-deps.sh)");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/simplesaml/start-idp.sh");
        let process = Command::new("bash")
            .arg(script)
            .env("IDP_PORT", port.to_string())
            .env("WORK", folder)
            // One process, which ends with us.
            .env("PHP_CLI_SERVER_WORKERS", "1")
            .envs(switches.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash");
        let started = Self {
            process,
            folder: folder.to_owned(),
            port,
        };
        for _ in 0..300 {
            if started.try_metadata().is_some() {
                return Some(started);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("SimpleSAMLphp does not answer within 30 s");
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> String {
        self.try_metadata().expect("metadata")
    }

    fn try_metadata(&self) -> Option<String> {
        let url = format!("http://127.0.0.1:{}/simplesaml/saml2/idp/metadata.php", self.port);
        let body = self.curl(&[&url]);
        body.contains("IDPSSODescriptor").then_some(body)
    }

    /// Tells it who we are. It reads the file at every request, so that it is replaced in one step.
    pub fn trust(&self, metadata: &str) {
        let next = self.folder.join("sp.next");
        std::fs::write(&next, metadata).expect("a file");
        std::fs::rename(next, self.folder.join("sp.xml")).expect("a file");
    }

    /// Follows `url` to the login page, logs in, and gives the form that a browser would post to us: field and value.
    #[must_use]
    pub fn log_in(&self, url: &str, user: &str) -> Vec<(String, String)> {
        let page = self.curl(&["-L", url]);
        let state = fields(&page)
            .into_iter()
            .find(|(name, _)| name == "AuthState")
            .unwrap_or_else(|| panic!("no login page: {page}"))
            .1;
        let action = format!(
            "http://127.0.0.1:{}/simplesaml/module.php/core/loginuserpass.php",
            self.port
        );
        let form = [
            ("username", user),
            ("password", &format!("{user}pw")),
            ("AuthState", &state),
        ];
        let mut arguments = vec!["-L".to_owned()];
        for (name, value) in form {
            arguments.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
        arguments.push(action);
        fields(&self.curl(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// Where `url` sends a browser that is logged in, and it sends it on until that leads away from here.
    #[must_use]
    pub fn sent_to(&self, url: &str) -> String {
        let here = format!("http://127.0.0.1:{}/", self.port);
        let mut url = url.to_owned();
        for _ in 0..10 {
            let next = self.curl(&["-o", "/dev/null", "-w", "%{redirect_url}", &url]);
            if !next.starts_with(&here) {
                return next;
            }
            url = next;
        }
        url
    }

    // With one jar of cookies, as one browser has.
    fn curl(&self, arguments: &[&str]) -> String {
        let jar = self.folder.join("cookies");
        let output = Command::new("curl")
            .args(["-s", "--max-time", "20", "--noproxy", "*", "-b"])
            .arg(&jar)
            .arg("-c")
            .arg(&jar)
            .args(arguments)
            .output()
            .expect("curl");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for SimpleSaml {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

// Hidden fields of a page's form.
fn fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
        let value = tag.get(start..)?.split('"').next()?;
        Some(
            value
                .replace("&#43;", "+")
                .replace("&amp;", "&")
                .replace("&quot;", "\"")
                .replace("&#x2B;", "+"),
        )
    };
    page.split("<input")
        .skip(1)
        .filter_map(|rest| {
            let tag = rest.split('>').next()?;
            Some((attribute(tag, "name")?, attribute(tag, "value")?))
        })
        .collect()
}
