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

/// Longest that is waited for at once.
const SLICE: Duration = Duration::from_secs(1);

/// Time that may be spent on waiting. It is spent in slices, and none costs more than it was meant to be long: where this process
/// or its machine was stopped meanwhile, nobody is blamed for that, and an answer that has come is taken.
#[derive(Debug)]
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) fn new(time: Duration) -> Self {
        Self(time)
    }

    pub(crate) fn left(&self) -> Duration {
        self.0
    }

    /// Waits once, for at most the time that `wait` is told, which is never 0: that would mean forever.
    fn spend<T>(&mut self, wait: impl FnOnce(Duration) -> T) -> Result<T, Broken> {
        if self.0.is_zero() {
            return Err(Broken::Late);
        }
        let slice = self.0.clamp(Duration::from_millis(1), SLICE);
        let started = Instant::now();
        let done = wait(slice);
        self.0 = self.0.saturating_sub(started.elapsed().min(slice));
        Ok(done)
    }
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
    pub(crate) fn send(
        &mut self,
        request: &Request,
        bytes: &[u8],
        until: &mut Patience,
    ) -> Result<(), Broken> {
        self.write(&message::head(request, bytes.len()), until)?;
        self.write(bytes, until)
    }

    /// Waits for the next message.
    pub(crate) fn receive(&mut self, until: &mut Patience) -> Result<Answer, Broken> {
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
        until: &mut Patience,
    ) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let length = usize::try_from(answer).ok().filter(|_| answer <= most).ok_or(Broken::Nonsense)?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.fill(&mut bytes, until)?;
        Ok(bytes)
    }

    fn write(&mut self, mut bytes: &[u8], until: &mut Patience) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let written = until.spend(|slice| {
                self.0.set_write_timeout(Some(slice))?;
                self.0.write(bytes)
            })?;
            match written {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) => passing(&error)?,
            }
        }
        Ok(())
    }

    fn fill(&mut self, mut bytes: &mut [u8], until: &mut Patience) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let read = until.spend(|slice| {
                self.0.set_read_timeout(Some(slice))?;
                self.0.read(bytes)
            })?;
            match read {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Patience {
        Patience::new(Duration::from_millis(20))
    }

    #[test]
    fn a_stopped_parent_blames_nobody() {
        let mut patience = Patience::new(Duration::from_secs(100));
        // It sleeps through more than a slice, as a process does that was stopped.
        let began = Instant::now();
        let slice = patience.spend(|slice| {
            std::thread::sleep(Duration::from_millis(1_200));
            slice
        });
        assert!(slice.unwrap() == SLICE && began.elapsed() > SLICE);
        assert_eq!(patience.left(), Duration::from_secs(99));
        let mut none = Patience::new(Duration::ZERO);
        assert!(matches!(none.spend(|_| ()), Err(Broken::Late)));
    }

    #[test]
    fn waits_end_and_nonsense_is_told() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut channel = Channel::new(ours);
        assert!(matches!(channel.receive(&mut soon()), Err(Broken::Late)));
        theirs.write_all(&message::head(&Reply::End, 3)).unwrap();
        theirs.write_all(b"abc").unwrap();
        let answer = channel.receive(&mut soon()).unwrap();
        assert!(matches!(answer.reply, Reply::End));
        assert!(matches!(channel.bytes(answer.bytes, 2, &mut soon()), Err(Broken::Nonsense)));
        assert_eq!(*channel.bytes(answer.bytes, 3, &mut soon()).unwrap(), b"abc");
        theirs.write_all(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'x']).unwrap();
        assert!(matches!(channel.receive(&mut soon()), Err(Broken::Nonsense)));
        // Nobody reads: the buffers of the system fill, and then the time is up.
        assert!(matches!(channel.send(&Request::Next, &vec![0; 64 << 20], &mut soon()), Err(Broken::Late)));
        drop(theirs);
        assert!(matches!(channel.receive(&mut soon()), Err(Broken::Gone)));
    }
}
