//! A file that the parent reads for the worker.

use std::io::{self, Read, Seek, SeekFrom};

use saltprint_intake::{Reject, Unreadable};

use super::wire;
use crate::message::{CHUNK, Reply, Request};

/// A file of a stated size, with the piece of it that was asked for last.
pub(super) struct Remote {
    size: u64,
    at: u64,
    piece: Vec<u8>,
    piece_at: u64,
}

impl Remote {
    pub(super) fn new(size: u64) -> Self {
        Self { size, at: 0, piece: Vec::new(), piece_at: 0 }
    }

    /// What the piece holds from here on.
    fn rest(&self) -> &[u8] {
        let from = self.at.checked_sub(self.piece_at).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.piece.get(from..)).unwrap_or_default()
    }

    fn fetch(&mut self) -> io::Result<()> {
        wire::send(&Reply::Read { at: self.at, most: CHUNK }, &[])?;
        match wire::receive()? {
            Some((Request::Bytes, bytes)) => {
                self.piece = bytes;
                self.piece_at = self.at;
                Ok(())
            }
            Some((Request::Failed { reject: Reject::Unreadable(unreadable) }, _)) => {
                Err(io::Error::other(unreadable))
            }
            Some((Request::Failed { reject }, _)) => {
                Err(io::Error::other(Unreadable::Io { detail: reject.to_string() }))
            }
            Some(_) => Err(io::ErrorKind::InvalidData.into()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Read for Remote {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.rest().is_empty() {
            self.fetch()?;
        }
        let read = self.rest().read(bytes)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Remote {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
