//! Closing what was inherited.

use std::fs;

/// Descriptors that are tried where the system does not list them.
const TRIED: i32 = 4096;

/// Closes every descriptor but the three standard ones. Whoever started the parent may have left it some open, a key for one,
/// and those go down to every process that it starts.
pub(super) fn close_inherited() -> Result<String, nix::Error> {
    let open: Vec<i32> = match fs::read_dir("/proc/self/fd") {
        // The list itself has a descriptor, which is closed already when its turn comes.
        Ok(list) => list.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect(),
        Err(_) => (0..TRIED).collect(),
    };
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        match nix::unistd::close(descriptor) {
            Ok(()) | Err(nix::Error::EBADF) => {}
            Err(error) => return Err(error),
        }
    }
    Ok("a socket and a pipe for last words".to_owned())
}
