//! A server process and its folder, both gone when the handle or the test process is.
//!
//! The server is the child of a small shell that reads a pipe from us. The pipe's end reaches the shell however
//! we end, also where no destructor runs.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::port;

const SHELL: &str = include_str!("keeper.sh");
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// How long anything may take before a test gives up on it: far more than a slow machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
// Somebody may take a port between our look and the server's.
const TRIES: usize = 5;

/// A server that is kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    port: u16,
    folder: PathBuf,
    /// What the server writes to its log when it can be reached.
    ready: &'static str,
    shell: Mutex<Shell>,
}

#[derive(Debug)]
struct Shell {
    process: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// Starts `program` with the arguments that `arguments` makes of a free port and an empty data folder, and
    /// waits until its log has the text `ready`.
    pub(crate) fn start(
        program: &Path,
        ready: &'static str,
        arguments: impl Fn(u16, &Path) -> Vec<OsString>,
    ) -> Self {
        let mut last = String::new();
        for _ in 0..TRIES {
            let keeper = Self::new(program, ready, &arguments);
            match keeper.run() {
                Ok(()) => return keeper,
                Err(log) => last = log,
            }
        }
        panic!("{} did not start:\n{last}", program.display());
    }

    fn new(program: &Path, ready: &'static str, arguments: impl Fn(u16, &Path) -> Vec<OsString>) -> Self {
        let folder = tempfile::Builder::new().prefix("llmgw-server-").tempdir();
        // From here on it is the shell that removes it.
        let folder = folder.expect("a folder").keep();
        let data = folder.join("data");
        fs::create_dir(&data).expect("a data folder");
        let port = port::free();
        Self {
            shell: Mutex::new(Shell::new(&folder, program.as_os_str(), &arguments(port, &data))),
            port,
            folder,
            ready,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a crash does; its data stays.
    pub(crate) fn kill(&self) {
        self.shell().ask("kill");
    }

    /// Ends the server where it runs, and starts it on the same port with the same data.
    pub(crate) fn restart(&self) {
        if let Err(log) = self.run() {
            panic!("the server did not start again:\n{log}");
        }
    }

    /// The server stays and answers nothing.
    pub(crate) fn freeze(&self) {
        let pid = self.shell().ask("STOP");
        // The signal was sent; a thread on another processor may still be about to answer.
        eventually("the server to stop", || has_stopped(&pid).then_some(()));
    }

    pub(crate) fn thaw(&self) {
        self.shell().ask("CONT");
    }

    /// The log, when the server ends before it is ready.
    fn run(&self) -> Result<(), String> {
        let seen = self.log().len();
        let pid = self.shell().ask("start");
        // Our own log, because on the port there might be another's server.
        eventually(&format!("\"{}\" in the server's log", self.ready), || {
            let ended = has_ended(&pid);
            let log = self.log();
            if log.get(seen..).is_some_and(|new| new.contains(self.ready)) {
                Some(Ok(()))
            } else {
                ended.then_some(Err(log))
            }
        })
    }

    fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn shell(&self) -> MutexGuard<'_, Shell> {
        self.shell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shell {
    fn new(folder: &Path, program: &OsStr, arguments: &[OsString]) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", SHELL, "keeper"])
            .args([folder.as_os_str(), program])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests: the shell must live to clean up.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let words = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Self {
            process,
            words,
            answers,
        }
    }

    fn ask(&mut self, word: &str) -> String {
        let words = self.words.as_mut().expect("open until dropped");
        writeln!(words, "{word}").expect("the shell reads");
        let mut answer = String::new();
        let _ = self.answers.read_line(&mut answer).expect("the shell answers");
        answer.trim().to_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.words = None;
        // It never fails for a child that nobody else waits for.
        let _ = self.process.wait();
    }
}

/// What `look` finds, as soon as it finds something.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        thread::sleep(BETWEEN_LOOKS);
    }
}

// A child that ended is a zombie until the shell waits for it. Where there is no /proc nobody can tell, and a
// server that fails is found out by the deadline.
fn has_ended(pid: &str) -> bool {
    state(Path::new(&format!("/proc/{pid}"))) == Some('Z')
}

fn has_stopped(pid: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    threads.flatten().all(|thread| state(&thread.path()) == Some('T'))
}

// See proc_pid_stat(5): it comes after the name, which stands in parentheses and may hold some.
fn state(task: &Path) -> Option<char> {
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}
