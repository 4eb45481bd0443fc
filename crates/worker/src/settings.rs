//! How workers are started, and how much each may take.

use std::path::PathBuf;

/// First argument of a program that is to be a worker.
pub const WORKER_ARGUMENT: &str = "decode-worker";

/// Memory of a worker where nothing else is said, in bytes: 1.5 GiB. Twice what the default limits let one decode and one
/// document hold.
pub const DEFAULT_MEMORY: u64 = 1536 * 1024 * 1024;

/// Seconds of one item where nothing else is said. The largest images that the limits allow take about five.
pub const DEFAULT_SECONDS: u64 = 60;

/// Items of one worker where nothing else is said.
pub const DEFAULT_ITEMS: u64 = 256;

/// Processor seconds of a worker where nothing else is said: twice an hour of reading and an item.
const DEFAULT_CPU_SECONDS: u64 = 2 * (saltprint_intake::MAX_SECONDS + DEFAULT_SECONDS);

/// How workers are started, and how much each may take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The program, which calls [`serve_if_asked`](crate::serve_if_asked) first. By default the one that runs.
    pub program: PathBuf,
    /// Address space of a worker, in bytes.
    pub memory: u64,
    /// Seconds that one image, one page, or the way to the next part of an archive may take. The parent watches them.
    pub seconds: u64,
    /// Processor seconds of a worker's whole life. It is a backstop for workers whose parent is gone: half of it used up, a worker
    /// is replaced.
    pub cpu_seconds: u64,
    /// Items after which a worker is replaced, at least 1.
    pub items: u64,
    /// Workers that are kept while they have nothing to do.
    pub idle: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            program: this_program(),
            memory: DEFAULT_MEMORY,
            seconds: DEFAULT_SECONDS,
            cpu_seconds: DEFAULT_CPU_SECONDS,
            items: DEFAULT_ITEMS,
            idle: std::thread::available_parallelism().map_or(1, usize::from) + 1,
        }
    }
}

/// The running program: on Linux by the name that stays right where the file was replaced meanwhile.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_default()
}
