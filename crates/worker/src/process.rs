//! One worker: its start, its questions, and what it died of.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use blake3::Hash;
use saltprint_fingerprint::Luma;
use saltprint_intake::{Limits, Refusal, Reject};

use crate::channel::{Answer, Broken, Channel, Patience};
use crate::message::{Reply, Request, VERSION};
use crate::sandbox::Layer;
use crate::settings::{Settings, WORKER_ARGUMENT};

/// How long a worker may take to be ready: many times what it needs on a busy machine.
const START: Duration = Duration::from_secs(30);

/// How long a worker that has hung up may take to be dead, before it is helped along.
const DYING: Duration = Duration::from_millis(200);

/// What is in the last words of the runtime, and in those of libraries in C++, where memory is at an end.
const OUT_OF_MEMORY: [&[u8]; 2] = [b"memory allocation of", b"std::bad_alloc"];

/// `SIGXCPU`, by which the system says that the processor time is used up.
const OUT_OF_CPU: i32 = 24;

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system did not start the program.
    #[error("the system did not start the decoding process")]
    System(#[from] io::Error),
    /// The program does not answer as a worker does.
    #[error(
        "the program that should decode does not answer as one that can; does its `main` call `serve_if_asked`?"
    )]
    NoWorker,
}

/// A worker that is running. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Child,
    channel: Channel,
    layers: Vec<Layer>,
    /// The document that it holds.
    pub(crate) document: Option<Hash>,
    /// Items that it has taken.
    pub(crate) items: u64,
    /// Time that it was waited for, to listen or to answer.
    pub(crate) busy: Duration,
}

impl Worker {
    /// Starts one: an empty environment, the root as its folder, no descriptor but the socket and one for last words.
    pub(crate) fn start(settings: &Settings) -> Result<Self, StartError> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let child = Command::new(&settings.program)
            .arg(WORKER_ARGUMENT)
            .arg(settings.memory.to_string())
            .arg(settings.cpu_seconds.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(theirs.try_clone()?)
            .stdout(theirs)
            .stderr(Stdio::piped())
            // What a terminal sends to the program is not meant for it.
            .process_group(0)
            .spawn()?;
        let mut worker = Self {
            child,
            channel: Channel::new(ours),
            layers: Vec::new(),
            document: None,
            items: 0,
            busy: Duration::ZERO,
        };
        match worker.channel.receive(&mut Patience::new(START)) {
            Ok(Answer { reply: Reply::Ready { version: VERSION, layers }, bytes: 0 }) => {
                worker.layers = layers;
                Ok(worker)
            }
            _ => Err(StartError::NoWorker),
        }
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Says something.
    pub(crate) fn tell(&mut self, request: &Request, bytes: &[u8], seconds: u64) -> Result<(), Broken> {
        let mut patience = Patience::new(Duration::from_secs(seconds));
        let told = self.channel.send(request, bytes, &mut patience);
        self.busy += Duration::from_secs(seconds).saturating_sub(patience.left());
        told
    }

    /// Waits for the next answer and takes the bytes behind it, of which there may be `most` of it.
    pub(crate) fn hear(
        &mut self,
        most: impl FnOnce(&Reply) -> u64,
        seconds: u64,
    ) -> Result<(Reply, zeroize::Zeroizing<Vec<u8>>), Broken> {
        let mut patience = Patience::new(Duration::from_secs(seconds));
        let heard = self.channel.receive(&mut patience).and_then(|Answer { reply, bytes }| {
            let most = most(&reply);
            Ok((reply, self.channel.bytes(bytes, most, &mut patience)?))
        });
        self.busy += Duration::from_secs(seconds).saturating_sub(patience.left());
        heard
    }

    /// Asks for an image. What comes back has sides within `limits` and exactly as many pixels.
    pub(crate) fn image(
        &mut self,
        request: &Request,
        bytes: &[u8],
        limits: &Limits,
        seconds: u64,
    ) -> Result<Result<Luma, Reject>, Broken> {
        self.items += 1;
        self.tell(request, bytes, seconds)?;
        let allowed = |reply: &Reply| match reply {
            Reply::Image { width, height } => limits.check_sides(*width, *height).unwrap_or(0),
            Reply::Ready { .. }
            | Reply::Rejected { .. }
            | Reply::Read { .. }
            | Reply::Document
            | Reply::Part { .. }
            | Reply::End => 0,
        };
        let (reply, mut pixels) = self.hear(allowed, seconds)?;
        match reply {
            Reply::Image { width, height } => {
                let pixels = std::mem::take(&mut *pixels);
                Luma::new(width, height, pixels).map(Ok).map_err(|_| Broken::Nonsense)
            }
            Reply::Rejected { reject } => Ok(Err(reject)),
            Reply::Ready { .. } | Reply::Read { .. } | Reply::Document | Reply::Part { .. } | Reply::End => {
                Err(Broken::Nonsense)
            }
        }
    }

    /// What the item that broke it is rejected with. Its own last words decide between memory and the rest; they are
    /// compared, and shown to nobody.
    pub(crate) fn fate(mut self, broken: &Broken, settings: &Settings) -> Reject {
        let seconds = settings.seconds;
        match broken {
            Broken::Late => return Refusal::DecoderTime { seconds }.into(),
            Broken::Nonsense => return Refusal::DecoderCrashed.into(),
            Broken::Gone => {}
        }
        let hung_up = Instant::now();
        while self.is_alive() && hung_up.elapsed() < DYING {
            thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let signal = self.child.wait().ok().and_then(|status| status.signal());
        let mut last_words = Vec::new();
        if let Some(errors) = self.child.stderr.take() {
            let _ = errors.take(4096).read_to_end(&mut last_words);
        }
        let says = |wanted: &[u8]| last_words.windows(wanted.len()).any(|words| words == wanted);
        if OUT_OF_MEMORY.into_iter().any(says) {
            return Refusal::DecoderMemory { allowed: settings.memory }.into();
        }
        if signal == Some(OUT_OF_CPU) {
            return Refusal::DecoderTime { seconds: settings.cpu_seconds }.into();
        }
        Refusal::DecoderCrashed.into()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It holds nothing that it would have to put away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
