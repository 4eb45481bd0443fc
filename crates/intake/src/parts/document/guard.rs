//! Calls into decoders that may panic on hostile bytes or recurse deeply.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
    thread::{self, Builder},
};

/// Stack of the thread that the work is done on, in bytes. The PDF parser recurses with the nesting of a file, which it
/// bounds; the stack has room for that bound. Only what is touched takes memory.
const STACK: usize = 64 * 1024 * 1024;

/// Name of those threads. The panic hook knows them by it.
const NAME: &str = "saltprint-document";

thread_local! {
    static ON_THIS_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Draws the documents of the calling thread on it from now on, instead of on threads with a larger stack. It is for a process
/// that decodes for another one and may start no threads; it gives itself a stack of 64 MiB, and a panic hook that says nothing.
pub fn draw_on_this_thread() {
    ON_THIS_THREAD.set(true);
}

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
/// hook. A stack that overflows all the same ends the process, and work that never ends is waited for: against both helps
/// only to decode in a process of its own ([`draw_on_this_thread`]).
pub(super) fn guarded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Fault> {
    if ON_THIS_THREAD.get() {
        return panic::catch_unwind(AssertUnwindSafe(work)).map_err(Fault::Unwound);
    }
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
    fn a_thread_may_do_the_work_itself() {
        let other = thread::spawn(|| {
            draw_on_this_thread();
            let here = thread::current().id();
            assert_eq!(guarded(|| thread::current().id()).unwrap(), here);
            matches!(guarded(|| -> u8 { give_up(5_u8) }), Err(Fault::Unwound(_)))
        });
        assert!(other.join().unwrap());
        assert_ne!(guarded(|| thread::current().id()).unwrap(), thread::current().id());
    }

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
