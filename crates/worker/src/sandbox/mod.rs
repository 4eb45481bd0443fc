//! What closes a worker in: limits of the system, landlock and a filter of system calls.
//!
//! | layer | what it takes away | where |
//! |---|---|---|
//! | memory, processor | more than a worker's share | `limits.rs` |
//! | processes | files to open or write, new processes, core dumps | `limits.rs` |
//! | privileges | what a program with more rights would give | `linux.rs` |
//! | landlock | the file system, TCP, signals to and sockets of others | `linux.rs` |
//! | system calls | all but a few that work on memory and open descriptors | `filter.rs` |
//!
//! Each stands alone: what one lets through another stops. A worker is closed in before it reads the first byte of a file, and it
//! is one thread, so that nothing of it stays outside. Only Linux has these layers here; elsewhere none is active, and that
//! is what is told.

#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod linux;

use serde::{Deserialize, Serialize};

/// What a worker is closed in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayerKind {
    /// Address space.
    Memory,
    /// Processor time.
    Processor,
    /// Files, processes and core dumps, by the limits of the system.
    Processes,
    /// No more privileges by running another program.
    Privileges,
    /// No descriptor but those that it speaks through.
    Descriptors,
    /// No file system, no TCP, no signals to others, by landlock.
    Landlock,
    /// Few system calls, by seccomp.
    SystemCalls,
}

impl LayerKind {
    /// All layers, in the order in which they are put on.
    pub const ALL: [Self; 7] = [
        Self::Descriptors,
        Self::Memory,
        Self::Processor,
        Self::Privileges,
        Self::Landlock,
        Self::Processes,
        Self::SystemCalls,
    ];

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processor => "processor",
            Self::Processes => "processes",
            Self::Privileges => "privileges",
            Self::Descriptors => "descriptors",
            Self::Landlock => "landlock",
            Self::SystemCalls => "seccomp",
        }
    }
}

/// One layer, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Which.
    pub kind: LayerKind,
    /// Whether it holds.
    pub active: bool,
    /// What it is, in a few words, or why it is not there.
    pub detail: String,
}

impl Layer {
    /// A layer that holds if `outcome` says so.
    #[cfg(target_os = "linux")]
    fn of<E: std::fmt::Display>(kind: LayerKind, outcome: Result<String, E>) -> Self {
        match outcome {
            Ok(detail) => Self { kind, active: true, detail },
            Err(error) => Self { kind, active: false, detail: error.to_string() },
        }
    }
}

/// Whether these layers are enough for decoders that are not memory-safe: all but landlock, which not every kernel has, and of
/// which the filter of system calls takes away the same.
#[cfg(feature = "heif")]
pub(crate) fn holds_native_code(layers: &[Layer]) -> bool {
    let optional = |layer: &Layer| layer.kind == LayerKind::Landlock;
    !layers.is_empty() && layers.iter().all(|layer| layer.active || optional(layer))
}

/// How much a closed-in process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Address space, in bytes.
    pub memory: u64,
    /// Processor time, in seconds.
    pub cpu_seconds: u64,
}

/// Closes this process in, for good. It must have no other thread, and tells which layers hold; one that the system does not have
/// does not keep the others from being put on.
#[must_use]
pub fn enter(bounds: Bounds) -> Vec<Layer> {
    #[cfg(target_os = "linux")]
    return linux::enter(bounds);
    #[cfg(not(target_os = "linux"))]
    {
        let Bounds { .. } = bounds;
        let detail = "only Linux has it here".to_owned();
        LayerKind::ALL.map(|kind| Layer { kind, active: false, detail: detail.clone() }).to_vec()
    }
}
