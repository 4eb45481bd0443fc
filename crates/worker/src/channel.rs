//! The parent's end of the socket: every wait has an end.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::message::{self, PREFIX, Reply, Request};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The worker is gone.
    Gone,
    /// It took too long.
    Late,
    /// It said what no worker says.
    Nonsense,
}

/// The socket to a worker.
#[derive(Debug)]
pub(crate) struct Channel(UnixStream);

/// An answer, and how many bytes are behind it. They must be read before the next one.
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) bytes: u64,
}

impl Channel {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self(socket)
    }

    /// Sends a message with bytes behind it.
    pub(crate) fn send(&mut self, request: &Request, bytes: &[u8], until: Instant) -> Result<(), Broken> {
        self.write(&message::head(request, bytes.len()), until)?;
        self.write(bytes, until)
    }

    /// Waits for the next message.
    pub(crate) fn receive(&mut self, until: Instant) -> Result<Answer, Broken> {
        let mut prefix = [0; PREFIX];
        self.fill(&mut prefix, until)?;
        let (header, bytes) = message::lengths(prefix).ok_or(Broken::Nonsense)?;
        let mut text = Zeroizing::new(vec![0; header]);
        self.fill(&mut text, until)?;
        let reply = serde_json::from_slice(&text).map_err(|_| Broken::Nonsense)?;
        Ok(Answer { reply, bytes })
    }

    /// Takes the bytes behind a message, of which there may be so many.
    pub(crate) fn bytes(
        &mut self,
        answer: u64,
        most: u64,
        until: Instant,
    ) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let length = usize::try_from(answer).ok().filter(|_| answer <= most).ok_or(Broken::Nonsense)?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.fill(&mut bytes, until)?;
        Ok(bytes)
    }

    fn write(&mut self, mut bytes: &[u8], until: Instant) -> Result<(), Broken> {
        while !bytes.is_empty() {
            self.0.set_write_timeout(Some(left(until)?)).map_err(|_| Broken::Gone)?;
            match self.0.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) => passing(&error)?,
            }
        }
        Ok(())
    }

    fn fill(&mut self, mut bytes: &mut [u8], until: Instant) -> Result<(), Broken> {
        while !bytes.is_empty() {
            self.0.set_read_timeout(Some(left(until)?)).map_err(|_| Broken::Gone)?;
            match self.0.read(bytes) {
                Ok(0) => return Err(Broken::Gone),
                Ok(read) => bytes = bytes.get_mut(read..).unwrap_or_default(),
                Err(error) => passing(&error)?,
            }
        }
        Ok(())
    }
}

/// Errors after which one tries again; the clock decides how often.
fn passing(error: &io::Error) -> Result<(), Broken> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others mean that the other end is gone")]
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(()),
        _ => Err(Broken::Gone),
    }
}

/// The time that is left, never 0, which would mean forever.
fn left(until: Instant) -> Result<Duration, Broken> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Broken::Late) } else { Ok(left.max(Duration::from_millis(1))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn waits_end_and_nonsense_is_told() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut channel = Channel::new(ours);
        assert!(matches!(channel.receive(soon()), Err(Broken::Late)));
        theirs.write_all(&message::head(&Reply::End, 3)).unwrap();
        theirs.write_all(b"abc").unwrap();
        let answer = channel.receive(soon()).unwrap();
        assert!(matches!(answer.reply, Reply::End));
        assert!(matches!(channel.bytes(answer.bytes, 2, soon()), Err(Broken::Nonsense)));
        assert_eq!(*channel.bytes(answer.bytes, 3, soon()).unwrap(), b"abc");
        theirs.write_all(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'x']).unwrap();
        assert!(matches!(channel.receive(soon()), Err(Broken::Nonsense)));
        // Nobody reads: the buffers of the system fill, and then the time is up.
        assert!(matches!(channel.send(&Request::Next, &vec![0; 64 << 20], soon()), Err(Broken::Late)));
        drop(theirs);
        assert!(matches!(channel.receive(soon()), Err(Broken::Gone)));
    }
}
