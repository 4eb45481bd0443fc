//! The worker's end of the socket, which is its standard input and output. It waits for as long as it takes: the clock is the
//! parent's.

use std::io;

use serde::Serialize;

use crate::message::{self, PREFIX, Request};

/// Says something.
pub(super) fn send(message: &impl Serialize, bytes: &[u8]) -> io::Result<()> {
    write(&message::head(message, bytes.len()))?;
    write(bytes)
}

/// Waits for the next message and the bytes behind it; `None` where the parent has hung up.
pub(super) fn receive() -> io::Result<Option<(Request, Vec<u8>)>> {
    let mut prefix = [0; PREFIX];
    if !fill(&mut prefix)? {
        return Ok(None);
    }
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let (header, bytes) = message::lengths(prefix).ok_or_else(invalid)?;
    let header = exactly(header)?;
    let request = serde_json::from_slice(&header).map_err(|_| invalid())?;
    // The parent is believed: it could end this process as well.
    Ok(Some((request, exactly(usize::try_from(bytes).map_err(|_| invalid())?)?)))
}

fn exactly(length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    if fill(&mut bytes)? { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Fills the buffer; `false` where the other end has hung up.
fn fill(mut bytes: &mut [u8]) -> io::Result<bool> {
    while !bytes.is_empty() {
        match rustix::io::read(io::stdin(), &mut *bytes) {
            Ok(0) => return Ok(false),
            Ok(read) => bytes = bytes.get_mut(read..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

fn write(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(io::stdout(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
