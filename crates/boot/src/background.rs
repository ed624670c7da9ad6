//! Work beside the workers: one thread with a runtime of its own.

use std::io;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// A thread that runs one future to its end.
#[derive(Debug)]
pub struct Background {
    thread: JoinHandle<()>,
    over: oneshot::Receiver<()>,
}

impl Background {
    /// Starts a thread called `name` that runs what `work` makes. The future is made on that thread, so it need
    /// not be `Send`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start<F, W>(name: &str, work: W) -> io::Result<Self>
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let (done, over) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            actix_rt::System::new().block_on(work());
            let _ = done.send(());
        })?;
        Ok(Self { thread, over })
    }

    /// Waits for its end; `false` when it panicked.
    pub async fn join(self) -> bool {
        // Dropped unsent when the thread panics.
        let well = self.over.await.is_ok();
        self.thread.join().is_ok() && well
    }
}
