//! What can go wrong in an evaluation.

use std::io;
use std::path::PathBuf;

/// An error of an evaluation. None of them quotes a record id, a ref or a file of the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The plan cannot be carried out.
    #[error("{reason}")]
    Plan {
        /// What is wrong with it.
        reason: String,
    },
    /// The shipped pipeline failed.
    #[error("the pipeline that is evaluated failed")]
    Pipeline(#[from] saltprint::Error),
    /// The vault cannot be listed.
    #[error("cannot list the vault")]
    Listing(#[from] saltprint_intake::Error),
    /// The throw-away keys could not be made or read.
    #[error("cannot make the keys of the evaluation")]
    Keys(#[from] saltprint_keys::KeyError),
    /// An invented document could not be encoded.
    #[error("cannot draw the invented vault")]
    Synth(#[from] saltprint_synth::Error),
    /// A file of the evaluation itself could not be written or read.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// An image of the vault changed or vanished while the evaluation ran.
    #[error("an image of the vault could not be read a second time: {reason}")]
    VaultChanged {
        /// Why, without its name.
        reason: String,
    },
    /// A report could not be turned into text.
    #[error("cannot write the report")]
    Report(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl EvalError {
    pub(crate) fn plan(reason: impl Into<String>) -> Self {
        Self::Plan { reason: reason.into() }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
