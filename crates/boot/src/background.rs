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

    /// Waits until it is over, well or by a panic. May be dropped and called again until it has returned.
    pub async fn over(&mut self) {
        // Dropped unsent when the thread panics.
        let _ = (&mut self.over).await;
    }

    /// Waits for its end; `false` when it panicked. Not to be called after [`over`](Self::over) has returned.
    pub async fn join(self) -> bool {
        let well = self.over.await.is_ok();
        self.thread.join().is_ok() && well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_it_and_is_told() {
        actix_rt::System::new().block_on(async {
            let mut panics =
                Background::start("panics", || async { panic!("as the test wants it") }).unwrap();
            panics.over().await;
            let panics = Background::start("panics", || async { panic!("as the test wants it") }).unwrap();
            assert!(!panics.join().await);
            let (end, ended) = oneshot::channel();
            let mut ends = Background::start("ends", || async { ended.await.unwrap() }).unwrap();
            tokio::select! {
                biased;
                () = ends.over() => panic!("it is not over"),
                () = std::future::ready(()) => {}
            }
            end.send(()).unwrap();
            assert!(ends.join().await);
        });
    }
}
