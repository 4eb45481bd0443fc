//! Calls into decoders that may panic on hostile bytes or recurse deeply.

use std::{
    any::Any,
    panic,
    sync::Once,
    thread::{self, Builder},
};

/// Stack of the thread that the work is done on, in bytes. The PDF parser recurses with the nesting of a file, which it
/// bounds; the stack has room for that bound. Only what is touched takes memory.
const STACK: usize = 64 * 1024 * 1024;

/// Name of those threads. The panic hook knows them by it.
const NAME: &str = "saltprint-document";

/// Why guarded work has no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// It panicked, or unwound with this payload by [`give_up`].
    Unwound(Box<dyn Any + Send>),
    /// The system gave no thread.
    NoThread,
}

/// Runs `work` on a thread of its own, so that a panic in it is an error here and its stack is large enough.
///
/// The message of such a panic is not printed, since it may quote the content; panics of other threads keep their
/// hook. A stack that overflows all the same ends the process, and work that never ends is waited for: both need a
/// process of its own for each document, which this is not.
pub(super) fn guarded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Fault> {
    silence();
    thread::scope(|scope| {
        let started = Builder::new().name(NAME.to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        started.map_err(|_| Fault::NoThread)?.join().map_err(Fault::Unwound)
    })
}

/// Leaves guarded work from deep inside of a decoder. It is not a panic to the hook.
pub(super) fn give_up<T: Any + Send>(why: T) -> ! {
    panic::resume_unwind(Box::new(why))
}

/// Puts a hook before the present one that says nothing of guarded threads.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(NAME) {
                others(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_panics_and_what_is_given_up() {
        assert_eq!(guarded(|| 7).unwrap(), 7);
        let fault = guarded(|| assert_eq!(1, 2, "content")).unwrap_err();
        assert!(matches!(fault, Fault::Unwound(_)));
        match guarded(|| -> u8 { give_up(5_u8) }).unwrap_err() {
            Fault::Unwound(why) => assert_eq!(why.downcast_ref(), Some(&5_u8)),
            Fault::NoThread => unreachable!(),
        }
    }
}
