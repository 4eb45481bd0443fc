//! Keeping secrets out of swap and core dumps.
//!
//! Every secret of this crate lies in a page that is locked and left out of dumps where the system allows. That much
//! happens by itself. A program adds two calls: [`disable_core_dumps`] first of all, and [`harden`] before it loads
//! keys, which says what was achieved and, where it is strict, refuses to go on with less.
//!
//! What stays outside: hibernation writes locked pages too; registers, the stack and key schedules of ciphers are not
//! locked; and whoever may debug the process, as the superuser may, reads its memory.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;

use crate::memory;

/// Pages that [`harden`] takes at once: 512 secrets where pages have 4 KiB, many times what a program holds.
const RESERVE: usize = 4;

static STRICT: AtomicBool = AtomicBool::new(false);

/// What protects the secrets of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// The process leaves no core dump.
    pub core_dumps_off: bool,
    /// The memory of secrets is never written to swap.
    pub memory_locked: bool,
    /// The memory of secrets is left out of core dumps, should one be made all the same. Only Linux knows this.
    pub memory_undumped: bool,
}

/// A protection that the system refused. Each message says what failed, then what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HardeningError {
    /// Core dumps could not be turned off.
    #[error("core dumps cannot be turned off; turn them off for the service, or set `strict = false`")]
    CoreDumps(#[source] io::Error),

    /// Memory could not be locked.
    #[error(
        "the memory of secrets cannot be locked; allow it 256 KiB with `LimitMEMLOCK=` or `ulimit -l`, or set \
         `strict = false`"
    )]
    Lock,

    /// Memory could not be left out of core dumps.
    #[error(
        "the memory of secrets cannot be left out of core dumps; use a newer kernel, or set `strict = false`"
    )]
    Dump,
}

/// Turns core dumps off for this process and those that it starts; first thing in a program.
///
/// The size limit is set to zero, soft and hard. On Linux the process is also marked as one that may not be dumped:
/// only that stops a dump that goes to a collecting program, and it keeps other processes of the same user from
/// attaching to this one. The mark is lost when another program is executed.
///
/// # Errors
///
/// [`HardeningError::CoreDumps`] where the system refuses, which it has no reason to.
pub fn disable_core_dumps() -> Result<(), HardeningError> {
    let failed = |error: rustix::io::Errno| HardeningError::CoreDumps(error.into());
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).map_err(failed)?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).map_err(failed)?;
    Ok(())
}

/// Takes the memory for secrets in advance, after raising the soft limit of locked memory to the hard one, and tells
/// what protects it.
///
/// `strict` holds for the process from then on: a role key that would lie in unlocked memory is refused by every
/// loading function. Subkeys, whose derivation cannot fail, come from the reserve that this call checked.
///
/// # Errors
///
/// With `strict`, [`HardeningError`] for the first protection that is missing. Without, nothing fails.
///
/// ```
/// let hardening = saltprint_keys::hardening::harden(false)?;
/// println!("locked: {}", hardening.memory_locked);
/// # Ok::<(), saltprint_keys::hardening::HardeningError>(())
/// ```
pub fn harden(strict: bool) -> Result<Hardening, HardeningError> {
    if strict {
        STRICT.store(true, Ordering::Relaxed);
    }
    raise_lock_limit();
    let grant = memory::reserve(RESERVE);
    let hardening = Hardening {
        core_dumps_off: core_dumps_off(),
        memory_locked: grant.locked,
        memory_undumped: grant.undumped,
    };
    if strict {
        if !hardening.core_dumps_off {
            return Err(HardeningError::CoreDumps(io::Error::other("they are not off")));
        }
        if !hardening.memory_locked {
            return Err(HardeningError::Lock);
        }
        if cfg!(target_os = "linux") && !hardening.memory_undumped {
            return Err(HardeningError::Dump);
        }
    }
    Ok(hardening)
}

/// Whether a strict [`harden`] was asked for in this process.
pub(crate) fn is_strict() -> bool {
    STRICT.load(Ordering::Relaxed)
}

fn core_dumps_off() -> bool {
    #[cfg(target_os = "linux")]
    if !matches!(rustix::process::dumpable_behavior(), Ok(rustix::process::DumpableBehavior::NotDumpable)) {
        return false;
    }
    getrlimit(Resource::Core).current == Some(0)
}

/// Without effect where the limits are equal already; a refusal shows later, in what could be locked.
fn raise_lock_limit() {
    let limit = getrlimit(Resource::Memlock);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Memlock, Rlimit { current: limit.maximum, ..limit });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for all of it, because the state belongs to the process. `strict` is left off: it would reach into
    /// the other tests; `tests/hardening.rs` has a process of its own for it.
    #[test]
    fn hardening_without_strictness_never_fails() {
        disable_core_dumps().unwrap();
        assert!(core_dumps_off());
        let hardening = harden(false).unwrap();
        assert!(hardening.core_dumps_off);
        assert_eq!(hardening.memory_undumped, cfg!(target_os = "linux"));
        assert!(!is_strict());
    }

    #[test]
    fn refusals_say_what_to_do() {
        for error in
            [HardeningError::CoreDumps(io::Error::other("x")), HardeningError::Lock, HardeningError::Dump]
        {
            assert!(error.to_string().contains("strict = false"), "{error}");
        }
    }
}
