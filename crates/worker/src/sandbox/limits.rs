//! The limits that every Unix has.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Stack of the one thread, in bytes. The PDF parser recurses with the nesting of a file, which it bounds; the stack has room for
/// that bound. Linux keeps more than that free below the stack, and looks at the limit when it grows.
const STACK: u64 = 64 * 1024 * 1024;

/// Sets a limit for good, at most to what is allowed already.
fn set(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// Bounds the address space; allocations beyond it fail, and the runtime ends the process.
pub(super) fn memory(bytes: u64) -> io::Result<String> {
    set(Resource::As, bytes)?;
    Ok(format!("{} MiB", bytes / (1024 * 1024)))
}

/// Bounds the processor time, and makes room for the stack.
pub(super) fn processor(seconds: u64) -> io::Result<String> {
    set(Resource::Stack, STACK)?;
    // At the soft limit the system says why the process ends (`SIGXCPU`); the hard one is for a process that listens no more.
    set(Resource::Cpu, seconds.saturating_add(5))?;
    let hard = getrlimit(Resource::Cpu).maximum;
    setrlimit(
        Resource::Cpu,
        Rlimit { current: Some(hard.map_or(seconds, |hard| hard.min(seconds))), maximum: hard },
    )?;
    Ok(format!("{seconds} s in its life"))
}

/// No file to open or write, no process to start, no core dump. Comes after whatever needs a descriptor.
pub(super) fn processes() -> io::Result<String> {
    for resource in [Resource::Fsize, Resource::Core, Resource::Nproc] {
        set(resource, 0)?;
    }
    // The three standard ones.
    set(Resource::Nofile, 3)?;
    Ok("no files, no processes, no core dumps".to_owned())
}
